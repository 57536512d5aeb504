/**
 * The monitor of a guest's QEMU: a part of QMP (docs/interop/qmp-spec.txt; qapi/misc.json, run-state.json, machine.json) and of the human monitor. What is
 * answered, and how errors read, is QEMU 7.2's.
 */
import type { CommandHost, Guest, Uses } from '../command-host.ts';
import { vcpuList } from '../commands/processors.ts';
import { kindOfMember } from '../kinds/index.ts';
import { QEMU_VERSION } from './command-line.ts';
import { askCpu } from './cpu-words.ts';
import { infoBlock, queryBlock, queryBlockStats } from './monitor-block.ts';
import { tidOf } from './processes.ts';

const VERSION = { qemu: QEMU_VERSION, package: 'Debian 1:7.2+dfsg-7+deb12u18' };

/** What a client sent is refused: QMP's class and sentence. */
class QmpError extends Error {
  readonly kind: string;
  constructor(kind: 'GenericError' | 'CommandNotFound', sentence: string) {
    super(sentence);
    this.kind = kind;
  }
}

type Arguments = Readonly<Record<string, unknown>>;
interface QmpCommand {
  /** Its arguments: true where one must be there. */
  takes?: Readonly<Record<string, boolean>>;
  run(host: CommandHost, guest: Guest, given: Arguments): Promise<unknown> | unknown;
}

/** RunState (qapi/run-state.json). */
const statusOf = (host: Uses<'toolstack'>, guest: Guest): string => {
  const { state, reason } = host.toolstack.status(guest);
  if (state === 'paused') return reason === 'unknown' ? 'debug' : 'paused';
  return state === 'crashed'
    ? 'guest-panicked'
    : state === 'shut off' || state === 'in shutdown'
      ? 'shutdown'
      : 'running';
};

const COMMANDS: Readonly<Record<string, QmpCommand>> = {
  'query-status': {
    run: (host, guest) => {
      const status = statusOf(host, guest);
      return { status, singlestep: false, running: status === 'running' };
    },
  },
  stop: { run: (host, guest) => (host.toolstack.setPaused(guest, true), {}) },
  cont: { run: (host, guest) => (host.toolstack.setPaused(guest, false), {}) },
  system_powerdown: { run: (host, guest) => (host.toolstack.shutDown(guest), {}) },
  system_reset: { run: (_host, guest) => (guest.runner.ask('reset'), {}) },
  'query-kvm': { run: (_host, guest) => ({ enabled: kindOfMember(guest).isAccelerated, present: true }) },
  'query-name': { run: (_host, { name }) => ({ name }) },
  'query-uuid': { run: (_host, { uuid }) => ({ UUID: uuid }) },
  'query-version': { run: () => VERSION },
  'query-cpus-fast': {
    run: async (host, guest) =>
      (await vcpuList.run(host, [guest.record.id])).map(({ vcpu }) => ({
        'thread-id': tidOf(guest.record.id, vcpu),
        props: { 'core-id': 0, 'thread-id': 0, 'socket-id': vcpu },
        'cpu-index': vcpu,
        target: 'x86_64',
      })),
  },
  'query-block': { run: queryBlock },
  'query-blockstats': { takes: { 'query-nodes': false }, run: queryBlockStats },
  'query-commands': { run: () => Object.keys(COMMANDS).map(name => ({ name })) },
  'human-monitor-command': {
    takes: { 'command-line': true, 'cpu-index': false },
    run: (host, guest, { 'command-line': line, 'cpu-index': cpu }) => {
      if (typeof line !== 'string')
        throw new QmpError('GenericError', "Invalid parameter type for 'command-line', expected: string");
      return human(host, guest, line, typeof cpu === 'number' ? cpu : 0);
    },
  },
};

const say = (text: string): string => `${text}\r\n`;

/** What the human monitor knows, by its words. */
const INFO: Readonly<
  Record<string, (host: CommandHost, guest: Guest, words: string[], cpu: number) => Promise<string> | string>
> = {
  status: (host, guest) => {
    const status = statusOf(host, guest);
    return say(`VM status: ${status === 'running' ? status : `paused${status === 'paused' ? '' : ` (${status})`}`}`);
  },
  name: (_host, { name }) => say(name),
  uuid: (_host, { uuid }) => say(uuid),
  version: () => say(`${VERSION.qemu.major}.${VERSION.qemu.minor}.${VERSION.qemu.micro}${VERSION.package}`),
  kvm: (_host, guest) => say(`kvm support: ${kindOfMember(guest).isAccelerated ? 'enabled' : 'disabled'}`),
  block: (_host, guest) => infoBlock(guest),
  cpus: async (host, guest, _words, cpu) =>
    (await vcpuList.run(host, [guest.record.id]))
      .map(({ vcpu }) => say(`${vcpu === cpu ? '*' : ' '} CPU #${vcpu}: thread_id=${tidOf(guest.record.id, vcpu)}`))
      .join(''),
};

async function human(host: CommandHost, guest: Guest, line: string, cpu: number): Promise<string> {
  const [name = '', ...words] = line.trim().split(/\s+/);
  if (name === '') return '';
  const view = host.toolstack.view.at(guest.record.index),
    ofCpu = view && askCpu(view, cpu, line);
  if (ofCpu !== undefined) return ofCpu.replaceAll('\n', '\r\n');
  const [what = '', ...rest] = words;
  if (name === 'info' || name === 'i') {
    const told = Object.hasOwn(INFO, what) ? INFO[what] : undefined;
    return told ? told(host, guest, rest, cpu) : say(`unknown command: '${line.trim()}'`);
  }
  const same = {
    stop: 'stop',
    s: 'stop',
    cont: 'cont',
    c: 'cont',
    system_powerdown: 'system_powerdown',
    system_reset: 'system_reset',
  }[name];
  if (same === undefined) return say(`unknown command: '${name}'`);
  await COMMANDS[same]!.run(host, guest, {});
  return '';
}

function parsed(text: string): Arguments {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new QmpError('GenericError', `JSON parse error, ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new QmpError('GenericError', 'QMP input must be a JSON object');
  return value as Arguments;
}

async function answered(host: CommandHost, guest: Guest, request: Arguments): Promise<unknown> {
  for (const member of Object.keys(request))
    if (!['execute', 'arguments', 'id'].includes(member))
      throw new QmpError('GenericError', `QMP input member '${member}' is unexpected`);
  const { execute, arguments: given = {} } = request;
  if (execute === undefined) throw new QmpError('GenericError', "QMP input lacks member 'execute'");
  if (typeof execute !== 'string') throw new QmpError('GenericError', "QMP input member 'execute' must be a string");
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new QmpError('GenericError', "QMP input member 'arguments' must be an object");
  const command = Object.hasOwn(COMMANDS, execute) ? COMMANDS[execute] : undefined;
  if (!command) throw new QmpError('CommandNotFound', `The command ${execute} has not been found`);
  const { takes = {} } = command;
  for (const [name, must] of Object.entries(takes))
    if (must && !Object.hasOwn(given, name)) throw new QmpError('GenericError', `Parameter '${name}' is missing`);
  const extra = Object.keys(given).find(name => !Object.hasOwn(takes, name));
  if (extra !== undefined) throw new QmpError('GenericError', `Parameter '${extra}' is unexpected`);
  return command.run(host, guest, given as Arguments);
}

/** An answer to one request, in JSON; `id`: libvirt gives each one of its own. A request that makes no sense is answered with QMP's error, and changes nothing. */
export async function askMonitor(host: CommandHost, guest: Guest, text: string, id: string): Promise<object> {
  try {
    return { return: await answered(host, guest, parsed(text)), id };
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    return { id, error: { class: error.kind, desc: error.message } };
  }
}

/** The human monitor's answer to a line. */
export const askHuman = (host: CommandHost, guest: Guest, line: string): Promise<string> => human(host, guest, line, 0);
