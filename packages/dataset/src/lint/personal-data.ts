import type { LintCode } from './finding.ts';

type PersonalCode = Extract<LintCode, `personal_${string}` | 'secret_key'>;

const EMAIL = /(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,4}[a-z]{2,24}(?![\w-])/i;
/** International form, or groups as people write them; plain digit runs are ids more often than not. */
const PHONE =
  /(?<![\w+.])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}-\d{3}-\d{4})(?![\w.]?\d)/;
const IBAN = /(?<![A-Z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Z0-9])/g;
const CARD = /(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-])/g;
const IP = /(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])/;
/** As AWS, GitHub, Hugging Face, OpenAI, Slack and PEM write them. */
const SECRET =
  /(?<!\w)(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,40}|sk-[A-Za-z0-9_-]{32,200}|xox[abprs]-[A-Za-z0-9-]{20,80})(?!\w)|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/;

/** Kinds of personal data and of secrets that a text seems to hold. Guesses: they cost no row its place. */
export function personalDataIn(text: string): Set<PersonalCode> {
  const found = new Set<PersonalCode>();
  if (text.includes('@') && EMAIL.test(text)) found.add('personal_email');
  if (SECRET.test(text)) found.add('secret_key');
  // What follows is all of digits.
  if (!/\d/.test(text)) return found;
  if (PHONE.test(text)) found.add('personal_phone');
  if ((text.match(IBAN) ?? []).some(isIban)) found.add('personal_iban');
  if ((text.match(CARD) ?? []).some(isCard)) found.add('personal_card');
  if (IP.test(text)) found.add('personal_ip');
  return found;
}

/** ISO 13616: the number with its first four characters behind it, letters as 10 to 35, leaves 1 of 97. */
function isIban(written: string): boolean {
  const text = written.replaceAll(' ', '');
  if (text.length < 15 || text.length > 34) return false;
  let rest = 0;
  for (const letter of text.slice(4) + text.slice(0, 4)) {
    for (const digit of Number.parseInt(letter, 36).toString()) rest = (rest * 10 + Number(digit)) % 97;
  }
  return rest === 1;
}

/** ISO/IEC 7812: Luhn's sum, a first digit that cards have, and not one digit over and over. */
function isCard(written: string): boolean {
  const digits = written.replaceAll(/\D/g, '');
  if (digits.length < 13 || !/^[2-6]/.test(digits) || new Set(digits).size < 2) return false;
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]);
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
