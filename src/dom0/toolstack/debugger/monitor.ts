/** What `monitor` of gdb asks of a domain's hypervisor: lines of text. */
import { hex } from '../breaks/index.ts';
import { exitName, readAddress } from '../../../hypervisor/view/index.ts';
import { CPU_WORDS } from '../qemu/cpu-words.ts';
import type { Debuggee } from './debuggee.ts';

interface Request {
  usage: string;
  about: string;
  run(on: Debuggee, vcpu: number, words: readonly string[]): string | Promise<string>;
}

const MOST_NODES = 2000;
const padded = (count: number): string => String(count).padStart(12);

/** Linear to physical to machine, an entry a line. */
function walk(on: Debuggee, vcpu: number, [word]: readonly string[]): string {
  const linear = word === undefined ? undefined : readAddress(word);
  if (linear === undefined) return `walk needs a linear address in hexadecimal, as walk c0100000.\n`;
  const { entries, error, physical, machine } = on.state(vcpu).translate(linear);
  const lines = entries.map(
    ({ level, physical, low, high }) =>
      `${level.padEnd(6)}${physical < 0 ? 'in a register' : `at ${hex(physical)}`}: ${high ? (high >>> 0).toString(16) : ''}${(low >>> 0).toString(16).padStart(8, '0')}`,
  );
  if (entries.length === 0) lines.push('Paging is off: a linear address is a physical one.');
  lines.push(
    physical < 0
      ? `A read of ${hex(linear)} would be a page fault, error code ${error}.`
      : machine < 0
        ? `${hex(linear)} is guest-physical ${hex(physical)}, where there is no memory.`
        : `${hex(linear)} is guest-physical ${hex(physical)}, machine address ${hex(machine)}.`,
  );
  return `${lines.join('\n')}\n`;
}

function exits(on: Debuggee, vcpu: number): string {
  const { vcpus, meanNs } = on.exits(),
    counted = Object.entries(vcpus[vcpu] ?? {})
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a);
  const lines = counted.map(
    ([name, count]) => `${padded(count)}  ${name}${meanNs[name] ? `, ${Math.round(meanNs[name])} ns each` : ''}`,
  );
  const last = on
    .lastExits(vcpu)
    .slice(-5)
    .map(({ number, reason, ip }) => `${padded(number)}  ${exitName(reason)} at ${hex(ip)}`);
  return `Exits of vCPU ${vcpu}:\n${lines.join('\n')}\nThe last ones, by number:\n${last.join('\n')}\n`;
}

function xenstore(on: Debuggee, _vcpu: number, [path = `/local/domain/${on.id}`]: readonly string[]): string {
  const lines: string[] = [];
  const list = (at: string, depth: number): void => {
    for (const name of on.store.directory(at)) {
      if (lines.length >= MOST_NODES) return;
      const node = `${at === '/' ? '' : at}/${name}`;
      lines.push(`${' '.repeat(depth)}${name} = "${on.store.read(node) ?? ''}"`);
      list(node, depth + 1);
    }
  };
  try {
    list(path, 0);
  } catch {
    return `${path} is no path of the store.\n`;
  }
  return lines.length === 0 ? `There is nothing below ${path}.\n` : `${lines.join('\n')}\n`;
}

const seconds = (ns: number): string => `${(ns / 1e9).toFixed(6)} s`;

async function past(on: Debuggee): Promise<string> {
  const now = await on.past();
  if (typeof now === 'string') return `${now}\n`;
  const { at, oldest, newest, isInPast } = now;
  return `At ${seconds(at.ns)}, instruction ${at.instructions}, exit ${at.exits}${isInPast ? `; its present is ${seconds(newest.ns)}` : ', its present'}. It can go back to ${seconds(oldest.ns)}.\n`;
}

const REQUESTS: Readonly<Record<string, Request>> = {
  help: {
    usage: 'help',
    about: 'these lines',
    run: () =>
      [...Object.values(REQUESTS).map(({ usage, about }) => [usage, about] as const), ...CPU_WORDS]
        .map(([usage, about]) => `${usage.padEnd(18)} ${about}\n`)
        .join(''),
  },
  exits: { usage: 'exits', about: 'VM exits of the thread’s vCPU, by reason, and its last ones', run: exits },
  walk: { usage: 'walk ADDRESS', about: 'the page walk of a linear address', run: walk },
  xenstore: { usage: 'xenstore [PATH]', about: 'the store below a path (the domain’s own)', run: xenstore },
  past: { usage: 'past', about: 'where it is in its run, and how far it can go back', run: past },
};

/** @throws nothing: what is not known is said */
export async function monitor(on: Debuggee, vcpu: number, line: string): Promise<string> {
  const [name = 'help', ...words] = line.trim().split(/\s+/).filter(Boolean);
  const request = Object.hasOwn(REQUESTS, name) ? REQUESTS[name] : undefined;
  return (
    request?.run(on, vcpu, words) ?? on.askCpu(vcpu, line) ?? `There is no “${line.trim()}” here. Try monitor help.\n`
  );
}
