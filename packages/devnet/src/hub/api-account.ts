import { type Exchange, sendJson } from './exchange.ts';
import { HttpError } from './http-error.ts';

/** GET /api/whoami-v2 */
export function whoAmI(x: Exchange): void {
  const { identity } = x;
  if (!identity) throw new HttpError(401, 'Invalid username or password.');
  const { namespace, role, displayName, createdAt, expiresAt } = identity;
  sendJson(x, {
    type: 'user',
    id: `user-${namespace}`,
    name: namespace,
    fullname: namespace,
    email: `${namespace}@localhub`,
    emailVerified: true,
    canPay: false,
    isPro: false,
    periodEnd: null,
    avatarUrl: '',
    billingMode: 'postpaid',
    orgs: [],
    auth: {
      type: 'access_token',
      accessToken: { displayName, role, createdAt, ...(expiresAt === null ? {} : { expiresAt }) },
    },
  });
}

/** POST /api/validate-yaml: Python asks before it uploads a README. Cards are not checked here. */
export function validateYaml(x: Exchange): void {
  x.req.resume();
  sendJson(x, { errors: [], warnings: [] });
}
