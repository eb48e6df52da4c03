/** Whether a time (unix ms) is within hours in UTC such as `9-17` or, over midnight, `22-6`; the last hour is not part of them. */
export function isWithinHours(hours: string, now: number): boolean {
  const [from = 0, to = 24] = hours.split('-').map(Number);
  const hour = new Date(now).getUTCHours();
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}
