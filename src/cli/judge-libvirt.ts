/** `npm run -s judge:libvirt`: prints what differs between Debian's virsh and Domain 0's, and counts. */
import { existsSync } from 'node:fs';
import { isAlike, judge } from './libvirtd/judge/judge.ts';

const VIRSH = '/usr/bin/virsh';
const WRONG_USE = 2;

const block = (text: string): string => text.replace(/^/gm, '    ').trimEnd();

export async function main(
  _argv: string[],
  write = (text: string): unknown => process.stdout.write(text),
): Promise<number> {
  if (!existsSync(VIRSH)) {
    write('There is no virsh here. Install it: apt-get install libvirt-clients.\n');
    return WRONG_USE;
  }
  let alike = 0,
    all = 0;
  await judge(VIRSH, judged => {
    all++;
    if (isAlike(judged)) return void alike++;
    const { call, debian, domain0 } = judged;
    write(
      `virsh ${call}\n  Debian's (${debian.status}):\n${block(debian.text)}\n  Domain 0's (${domain0.status}):\n${block(domain0.text)}\n`,
    );
  });
  write(`${alike} of ${all} calls are answered alike.\n`);
  return alike === all ? 0 : 1;
}
