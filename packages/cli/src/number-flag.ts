import { OperatorError } from '@tuning/kit';

/** A flag's whole number, in decimal. @throws OperatorError FLAG_INVALID. */
export function wholeNumber(flag: string, text: string, range: { min: number; max: number }): number {
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= range.min && value <= range.max) return value;
  throw new OperatorError(
    'FLAG_INVALID',
    `${flag} must be a whole number from ${range.min} to ${range.max}, not "${text}"`,
  );
}

/** A port to listen on; 0 takes any free one. @throws OperatorError FLAG_INVALID. */
export function portNumber(text: string): number {
  return wholeNumber('--port', text, { min: 0, max: 65_535 });
}
