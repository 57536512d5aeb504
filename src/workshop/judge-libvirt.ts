/**
 * npm run -s judge:libvirt -- [virsh|clients [PART]]
 *
 * Prints what differs between Debian's virsh and Domain 0's (`virsh`), and what other clients of libvirt's make of the daemon (`clients`; PART: of their parts
 * those whose names have this), then the counts. Needs libvirt-clients.
 */
import { existsSync } from 'node:fs';
import { WrongUse } from './harness/options.ts';
import { program } from './harness/program.ts';
import { judgeClients } from './libvirt/clients.ts';
import { isAlike, judge } from './libvirt/judge.ts';

const VIRSH = '/usr/bin/virsh';

const block = (text: string): string => text.replace(/^/gm, '    ').trimEnd();

export const main = program({
  name: 'judge:libvirt',
  operands: '[virsh|clients [PART]]',
  options: {},
  run: async (_none, write, [only, named = '']) => {
    if (only !== undefined && only !== 'virsh' && only !== 'clients')
      throw new WrongUse(`${only}: write virsh, clients or neither.`);
    if (!existsSync(VIRSH)) throw new WrongUse('There is no virsh here. Install it: apt-get install libvirt-clients.');
    let alike = 0,
      all = 0;
    if (only !== 'clients')
      await judge(VIRSH, judged => {
        all++;
        if (isAlike(judged)) return void alike++;
        const { call, debian, domain0 } = judged;
        write(
          `virsh ${call}\n  Debian's (${debian.status}):\n${block(debian.text)}\n  Domain 0's (${domain0.status}):\n${block(domain0.text)}\n`,
        );
      });
    if (only !== 'clients') write(`${alike} of ${all} calls are answered alike.\n`);
    let wrong = 0;
    if (only !== 'virsh')
      await judgeClients(named, (part, result) => {
        if ('missing' in result) return void write(`skipped: ${part.name}: ${result.missing.join(', ')}\n`);
        wrong += result.problems.length;
        write(`${result.problems.length === 0 ? 'right' : 'WRONG'}: ${part.name}\n`);
        for (const { call, text } of result.problems) write(`  ${call}\n${block(text)}\n`);
      });
    return alike === all && wrong === 0 ? 0 : 1;
  },
});
