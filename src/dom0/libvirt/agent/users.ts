/** Users of a guest, whom its agent gives a password. Source: qemuAgentSetUserPassword() of src/qemu/qemu_agent.c. */
import type { Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { checkFlags } from '../flags.ts';
import { withAgent } from './session.ts';

/** VIR_DOMAIN_PASSWORD_ENCRYPTED: as crypt(3) makes it. */
export const PASSWORD_ENCRYPTED = 1 << 0;

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** @throws LibvirtError */
export async function setUserPassword(
  host: Uses<'toolstack'>,
  domain: Domain,
  { user, password }: { user: string; password: string },
  flags = 0,
): Promise<void> {
  checkFlags(flags, PASSWORD_ENCRYPTED, 'qemuDomainSetUserPassword');
  const given = { crypted: (flags & PASSWORD_ENCRYPTED) !== 0, username: user, password: base64(password) };
  await withAgent(host, domain, 'virDomainSetUserPassword', agent => agent.ask('guest-set-user-password', given));
}
