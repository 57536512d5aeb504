/** A document without the passwords in it, for who did not ask for them or may not. Source: virDomainGraphicsAuthDefFormatAttr() of libvirt 9.0. */
import type { Definition } from './definition.ts';
import { escapedXml } from './write-xml.ts';

const PASSWORD = /(<graphics\b[^>]*?)\spasswd=(?:'[^']*'|"[^"]*")/g;
/** What a page shows in a password's place, and sends back where it is to stay. */
const MASK = '*****';
const MASKED = /\spasswd=(?:'\*{5}'|"\*{5}")/g;

export const withoutPasswords = (xml: string): string => xml.replace(PASSWORD, '$1');

export const maskedPasswords = (xml: string): string => xml.replace(PASSWORD, `$1 passwd='${MASK}'`);

/** With the password that the mask was shown for. */
export const unmaskedPasswords = (xml: string, { vncPassword }: Pick<Definition, 'vncPassword'>): string =>
  xml.replace(MASKED, () => (vncPassword === undefined ? '' : ` passwd='${escapedXml(vncPassword)}'`));

/** A definition for who shows it. */
export const withoutPassword = <T extends Pick<Definition, 'vncPassword'>>(definition: T): T =>
  definition.vncPassword ? { ...definition, vncPassword: MASK } : definition;

/** A line of xl.cfg. */
export const maskedLine = (key: string, value: string): string =>
  key === 'vncpasswd' ? `"${MASK}"` : value.replace(/(\bvncpasswd=)[^,"']*/g, `$1${MASK}`);
