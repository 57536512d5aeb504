/** What domains there are. */
import type { DomainInfo } from '../../api.ts';
import type { HostCore } from '../../host.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { command, Refusal } from './command.ts';
import { atLeast, findDomain, readWords } from './words.ts';

/** `r-----`: running, blocked, paused, shut down, why, dying; print_domain_state() in tools/xl/xl_info.c. */
function letters({ state, ended }: Pick<DomainInfo, 'state' | 'ended'>): string {
  const at = (letter: string, is: boolean): string => (is ? letter : '-');
  const over = ended !== undefined || state === 's' || state === 'c';
  return `${at('r', state === 'r')}${at('b', state === 'b')}${at('p', state === 'p')}${at('s', over)}${at('c', state === 'c')}${at('d', state === 'd')}`;
}

export const list = command({
  summary: 'List information about all/some domains',
  usage: '[Domain]',
  run: async (host: HostCore): Promise<DomainInfo[]> => host.all(),
  xl: async ({ host, words }) => {
    const { rest } = readWords(words);
    const only = rest[0] === undefined ? undefined : findDomain(host, rest[0]);
    const seconds = (slot: number): string => (host.toolstack.view.scheduler.runstates(slot, host.queue.nowNs()).running / 1e9).toFixed(1);
    const row = (name: string, id: number, mib: number, vcpus: number, state: string, time: string): string =>
      `${name.padEnd(40)} ${String(id).padStart(5)} ${String(mib).padStart(5)} ${String(vcpus).padStart(5)}     ${state}  ${time.padStart(8)}\n`;
    const domain0 = row('Domain-0', 0, Math.round(host.toolstack.services.hardware.frames / 256), 1, 'r-----', seconds(DOMAIN_0));
    const guests = host.all().map(info => {
      const member = host.toolstack.members.get(info.id);
      return { id: info.id, text: row(info.name, info.id, info.memoryMiB, info.vcpus, letters(info), member ? seconds(member.record.index) : '0.0') };
    });
    const head = `Name${' '.repeat(36)}    ID   Mem VCPUs\tState\tTime(s)\n`;
    const rows = [{ id: 0, text: domain0 }, ...guests].filter(({ id }) => only === undefined || id === only);
    return head + rows.map(({ text }) => text).join('');
  },
});

export const domid = command({
  summary: 'Convert a domain name to domain id',
  usage: '<DomainName>',
  run: async (host: HostCore, name: string): Promise<number> => {
    const found = host.all().find(each => each.name === name);
    if (name !== 'Domain-0' && !found) throw new Refusal(`Can't get domid of domain name '${name}', maybe this domain does not exist.`);
    return found?.id ?? 0;
  },
  xl: async ({ words }, run) => {
    const { rest } = readWords(words);
    atLeast('domid', rest, 1);
    return `${await run(rest[0])}\n`;
  },
});

export const domname = command({
  summary: 'Convert a domain id to domain name',
  usage: '<DomainId>',
  run: async (host: HostCore, id: number): Promise<string> => {
    const found = host.all().find(each => each.id === id);
    if (id !== 0 && !found) throw new Refusal(`Can't get domain name of domain id '${id}', maybe this domain does not exist.`);
    return found?.name ?? 'Domain-0';
  },
  xl: async ({ words }, run) => {
    const { rest } = readWords(words);
    atLeast('domname', rest, 1);
    if (!/^\d+$/.test(rest[0])) throw new Refusal(`Invalid domain id.`);
    return `${await run(Number(rest[0]))}\n`;
  },
});
