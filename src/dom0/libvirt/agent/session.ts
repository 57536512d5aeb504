/**
 * The agent of a guest, which listens at a channel of virtio. Callers are served one at a time; each begins with guest-sync, so that an answer to an earlier question that
 * no caller waited for is passed over. Sources: src/qemu/qemu_agent.c of libvirt 9 (words, times); docs/interop/qemu-ga-ref of QEMU (a line of JSON each way).
 */
import type { Later } from '../../host/index.ts';
import { AGENT_CHANNEL, type Channel, type ChannelEnd, type CommandHost, type Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import { LibvirtError } from '../errors.ts';
import { driverOf } from '../hypervisors/index.ts';

/** VIR_DOMAIN_QEMU_AGENT_COMMAND_* and VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_*: other numbers are seconds. */
const BLOCK = -2,
  DEFAULT = -1,
  NOWAIT = 0;
/** QEMU_AGENT_WAIT_TIME: without an answer to guest-sync by then there is nobody. */
const WAIT_S = 5;
/** VIR_DOMAIN_QEMU_AGENT_COMMAND_SHUTDOWN. */
const SHUTDOWN_S = 60;
/** VIR_JOB_WAIT_TIME: a caller that asks meanwhile waits this long for its turn. */
const TURN_S = 30;
/** QEMU_AGENT_MAX_RESPONSE: who says more in one line is not listened to any longer. */
const MOST_ANSWER_BYTES = 10 * 2 ** 20;

interface Answer {
  return?: unknown;
  error?: { class?: string; desc?: string };
}

const unresponsive = (detail: string): LibvirtError => new LibvirtError('AGENT_UNRESPONSIVE', detail, 'qemu');
/** What an agent said is not what it is to say. */
export const malformed = (detail: string): LibvirtError => new LibvirtError('INTERNAL_ERROR', detail, 'qemu');

/** Lines of the agent's, one after the other. */
class Lines {
  private text = '';
  private readonly decoder = new TextDecoder();
  private readonly lines: string[] = [];
  private waiting: { resolve(line: string): void; reject(error: Error): void } | undefined;
  private failed: Error | undefined;
  /** The agent has closed its port, or its guest has ended. */
  isGone = false;

  take(bytes: Uint8Array): void {
    this.text += this.decoder.decode(bytes, { stream: true });
    const lines = this.text.split('\n');
    this.text = lines.pop()!;
    if (this.text.length > MOST_ANSWER_BYTES) this.fail(unresponsive('Guest agent not available for now'));
    this.lines.push(...lines);
    this.give();
  }

  gone(): void {
    this.isGone = true;
    this.fail(unresponsive('Guest agent disappeared while executing command'));
  }

  private fail(error: Error): void {
    this.failed ??= error;
    this.give();
  }

  private give(): void {
    const { waiting } = this;
    if (!waiting) return;
    if (this.lines.length > 0) waiting.resolve(this.lines.shift()!);
    else if (this.failed) waiting.reject(this.failed);
    else return;
    this.waiting = undefined;
  }

  /** The first answer that is wanted. @throws LibvirtError where there is none in this many seconds */
  async answer(seconds: number, later: Later, isWanted: (answer: Answer) => boolean): Promise<Answer> {
    const cancel = Number.isFinite(seconds)
      ? later(seconds * 1000, () => this.fail(unresponsive('Guest agent not available for now')))
      : undefined;
    try {
      for (;;) {
        const line = new Promise<string>((resolve, reject) => (this.waiting = { resolve, reject }));
        this.give();
        const answer = answerOf(await line);
        if (answer && isWanted(answer)) return answer;
      }
    } finally {
      cancel?.();
    }
  }
}

/** What JSON a line is, as far as it is an answer. */
function answerOf(line: string): Answer | undefined {
  try {
    // guest-sync-delimited puts a byte 255 before its answer.
    const said = JSON.parse(line.replace(/^\uFFFD/, '')) as Answer | null;
    return said !== null && typeof said === 'object' && ('return' in said || 'error' in said) ? said : undefined;
  } catch {
    return undefined;
  }
}

/** libvirt numbers them by the time. */
let syncs = 0;

/** What a function of libvirt says to an agent in its turn. */
export class Agent {
  private readonly lines: Lines;
  private readonly end: ChannelEnd;
  private readonly later: Later;
  /** Seconds that an answer is waited for where nothing else is said. */
  private readonly patience: number;
  private isInSync = false;

  constructor(lines: Lines, end: ChannelEnd, later: Later, patience: number) {
    this.lines = lines;
    this.end = end;
    this.later = later;
    this.patience = patience;
  }

  private say(what: unknown): void {
    void this.end.write(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
  }

  /** @throws LibvirtError: nobody answers */
  private async sync(): Promise<void> {
    if (this.isInSync) return;
    const id = ++syncs;
    this.say({ execute: 'guest-sync', arguments: { id } });
    // Who waits for answers less long than that waits no longer here.
    const seconds = this.patience >= 0 ? Math.min(this.patience, WAIT_S) : WAIT_S;
    await this.lines.answer(seconds, this.later, ({ return: given }) => given === id);
    this.isInSync = true;
  }

  /** A whole command, and all that is answered; nothing where nobody waits. @throws LibvirtError, of an error that the agent tells, too */
  async command(command: unknown, patience = this.patience): Promise<Answer | undefined> {
    await this.sync();
    this.say(command);
    if (patience === NOWAIT) return undefined;
    const seconds = patience === BLOCK ? Number.POSITIVE_INFINITY : patience === DEFAULT ? WAIT_S : patience;
    const answer = await this.lines.answer(seconds, this.later, () => true);
    if (answer.error) throw new AgentError(command, answer.error);
    return answer;
  }

  /** What it answers to a command. @throws LibvirtError */
  async ask(execute: string, given?: Record<string, unknown>): Promise<unknown> {
    const answer = await this.command(given ? { execute, arguments: given } : { execute });
    return answer?.return;
  }

  /** The same; undefined where it does not know that command, or may not do it. @throws LibvirtError */
  async askIfKnown(execute: string): Promise<unknown> {
    try {
      return await this.ask(execute);
    } catch (error) {
      if (error instanceof AgentError && /^Command(NotFound|Disabled)$/.test(error.kind)) return undefined;
      throw error;
    }
  }

  /** A command that is answered by what it does: the agent goes with its guest. @throws LibvirtError where it does not */
  async askToEnd(execute: string, given: Record<string, unknown>): Promise<void> {
    try {
      await this.command({ execute, arguments: given }, SHUTDOWN_S);
    } catch (error) {
      if (!this.lines.isGone) throw error;
    }
  }
}

/** qemuAgentCheckError(): the agent says that it failed. */
class AgentError extends LibvirtError {
  readonly kind: string;

  constructor(command: unknown, { class: kind = '', desc }: NonNullable<Answer['error']>) {
    const execute = (command as { execute?: unknown } | null)?.execute;
    const name = typeof execute === 'string' ? execute : '<unknown>';
    super(
      'INTERNAL_ERROR',
      `unable to execute QEMU agent command '${name}': ${desc ?? (kind || 'unknown QEMU command error')}`,
      'qemu',
    );
    this.kind = kind;
  }
}

/** qemuDomainAgentAvailable(). `what`: the function of libvirt that asks. @throws LibvirtError */
function channelOf(host: Uses<'toolstack'>, { id, status }: Domain, what: string): Channel {
  driverOf(host).needsQemu(what);
  const member = id === undefined ? undefined : host.toolstack.members.get(id);
  if (!member || member.ending || status.state === 'paused')
    throw new LibvirtError('OPERATION_INVALID', 'domain is not running', 'qemu');
  const channel = member.channels?.get(AGENT_CHANNEL);
  if (!channel) throw new LibvirtError('ARGUMENT_UNSUPPORTED', 'QEMU guest agent is not configured', 'qemu');
  if (!channel.isOpen) throw unresponsive('QEMU guest agent is not connected');
  return channel;
}

/** Whether there is an agent at all, asked before one is preferred to ACPI. */
export const hasAgent = (host: Uses<'toolstack'>, { id }: Domain): boolean =>
  id !== undefined && host.toolstack.members.get(id)?.channels?.get(AGENT_CHANNEL)?.isOpen === true;

/** When the last one of those that ask an agent is done. */
const turns = new WeakMap<Channel, Promise<void>>();

/** @throws LibvirtError where others ask for too long */
async function inTurn<T>(channel: Channel, later: Later, work: () => Promise<T>): Promise<T> {
  const before = turns.get(channel) ?? Promise.resolve();
  let done!: () => void;
  const own = new Promise<void>(resolve => (done = resolve));
  turns.set(
    channel,
    before.then(() => own),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      const cancel = later(TURN_S * 1000, () =>
        reject(new LibvirtError('OPERATION_TIMEOUT', 'cannot acquire state change lock', 'qemu')),
      );
      void before.then(() => (cancel(), resolve()));
    });
    return await work();
  } finally {
    done();
  }
}

/** Seconds that answers of a host's agents are waited for, by the names of their guests (virDomainAgentSetResponseTimeout()). */
const timeouts = new WeakMap<CommandHost['toolstack'], Map<string, number>>();

/** @throws LibvirtError */
function checkTimeout(timeout: number): void {
  if (timeout >= BLOCK) return;
  throw new LibvirtError('INVALID_ARG', `guest agent timeout '${timeout}' is less than the minimum '${BLOCK}'`, 'qemu');
}

/** `timeout`: seconds, or one of the words above. @throws LibvirtError */
export function setAgentTimeout(host: Uses<'toolstack'>, { name }: Domain, timeout: number): void {
  driverOf(host).needsQemu('virDomainAgentSetResponseTimeout');
  checkTimeout(timeout);
  const its = timeouts.get(host.toolstack) ?? new Map<string, number>();
  timeouts.set(host.toolstack, its.set(name, timeout));
}

/** Speaks with a guest's agent, once nobody else does. `what`: the function of libvirt that asks. @throws LibvirtError */
export async function withAgent<T>(
  host: Uses<'toolstack'>,
  domain: Domain,
  what: string,
  talk: (agent: Agent) => Promise<T>,
): Promise<T> {
  const channel = channelOf(host, domain, what);
  const { later } = host.toolstack.parts;
  return inTurn(channel, later, async () => {
    const lines = new Lines();
    const end = channel.isOpen
      ? channel.connect({
          bytes: bytes => lines.take(bytes),
          turned: isOpen => void (isOpen || lines.gone()),
          closed: () => lines.gone(),
        })
      : undefined;
    if (!end) throw unresponsive('QEMU guest agent is not connected');
    try {
      const agent = new Agent(lines, end, later, timeouts.get(host.toolstack)?.get(domain.name) ?? BLOCK);
      return await talk(agent);
    } finally {
      end.close();
    }
  });
}

/** What the agent of a guest answers to a command, as JSON. `timeout`: seconds, or one of the words above. @throws LibvirtError */
export async function agentCommand(
  host: Uses<'toolstack'>,
  domain: Domain,
  text: string,
  timeout = DEFAULT,
): Promise<string | undefined> {
  return withAgent(host, domain, 'virDomainQemuAgentCommand', async agent => {
    checkTimeout(timeout);
    const answer = await agent.command(commandIn(text), timeout);
    return answer && JSON.stringify(answer);
  });
}

/** @throws LibvirtError where it is no JSON */
function commandIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`cannot parse json ${text}: lexical error: invalid char in json text.`);
  }
}
