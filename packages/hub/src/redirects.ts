import { HubHttpError } from './errors.ts';

const MAX_REDIRECTS = 5;

/**
 * `fetch` of a request that changes something. Its body may hold what is not public yet, so that a redirect is followed only
 * where it keeps method and host (a renamed repo); `fetch` alone would take off the token and send the rest anywhere.
 * @throws HubHttpError for any other redirect.
 */
export async function fetchAtSameHost(url: URL, options: RequestInit): Promise<Response> {
  let at = url;
  for (let hops = 0; ; hops++) {
    const response = await fetch(at, { ...options, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, at.href) ? new URL(location, at) : undefined;
    const keepsMethod = response.status === 307 || response.status === 308;
    if (next?.origin !== url.origin || !keepsMethod || hops === MAX_REDIRECTS) {
      const reason = `a request that changes something is not sent on to ${next?.host ?? 'there'}`;
      throw new HubHttpError(response.status, undefined, reason, undefined);
    }
    at = next;
  }
}
