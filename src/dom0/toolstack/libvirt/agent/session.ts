/**
 * The agent of a guest, which listens at a channel of virtio. Each question begins with guest-sync, so that an answer to an earlier one that nobody waited for is
 * passed over. Sources: src/qemu/qemu_agent.c of libvirt 9 (words, times); docs/interop/qemu-ga-ref of QEMU (a line of JSON each way).
 */
import { AGENT_CHANNEL, type Channel, type ChannelEnd } from '../../channels.ts';
import type { Later } from '../../../host/index.ts';
import type { CommandHost } from '../../command-host.ts';
import type { Domain } from '../../domains/index.ts';
import { LibvirtError } from '../errors.ts';
import { isQemu } from '../qemu-driver.ts';

/** VIR_DOMAIN_QEMU_AGENT_COMMAND_*: other numbers are seconds. */
const BLOCK = -2,
  DEFAULT = -1,
  NOWAIT = 0;
/** QEMU_AGENT_WAIT_TIME: without an answer to guest-sync by then there is nobody. */
const WAIT_S = 5;
/** QEMU_AGENT_MAX_RESPONSE: who says more in one line is not listened to any longer. */
const MOST_ANSWER_BYTES = 10 * 2 ** 20;

interface Answer {
  return?: unknown;
  error?: { class?: string; desc?: string };
}

const unresponsive = (detail: string): LibvirtError => new LibvirtError('AGENT_UNRESPONSIVE', detail, 'qemu');

/** Lines of the agent's, one after the other. */
class Lines {
  private text = '';
  private readonly decoder = new TextDecoder();
  private readonly lines: string[] = [];
  private waiting: { resolve(line: string): void; reject(error: Error): void } | undefined;
  private failed: Error | undefined;

  take(bytes: Uint8Array): void {
    this.text += this.decoder.decode(bytes, { stream: true });
    const lines = this.text.split('\n');
    this.text = lines.pop()!;
    if (this.text.length > MOST_ANSWER_BYTES) this.fail(unresponsive('Guest agent not available for now'));
    this.lines.push(...lines);
    this.give();
  }

  fail(error: Error): void {
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

  /** The first answer that is wanted. @throws LibvirtError where there is none in so many seconds */
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

async function ask(
  { end, lines, later }: { end: ChannelEnd; lines: Lines; later: Later },
  command: unknown,
  timeout: number,
): Promise<Answer> {
  const say = (what: unknown): void => void end.write(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
  const id = ++syncs;
  say({ execute: 'guest-sync', arguments: { id } });
  await lines.answer(WAIT_S, later, ({ return: given }) => given === id);
  say(command);
  if (timeout === NOWAIT) return {};
  const seconds = timeout === BLOCK ? Number.POSITIVE_INFINITY : timeout === DEFAULT ? WAIT_S : timeout;
  return lines.answer(seconds, later, () => true);
}

function channelOf(host: CommandHost, { id }: Domain): Channel {
  if (!isQemu(host)) throw new LibvirtError('NO_SUPPORT', 'virDomainQemuAgentCommand', 'domain');
  const member = id === undefined ? undefined : host.toolstack.members.get(id);
  if (!member || member.ending) throw new LibvirtError('OPERATION_INVALID', 'domain is not running', 'qemu');
  const channel = member.channels?.get(AGENT_CHANNEL);
  if (!channel) throw new LibvirtError('ARGUMENT_UNSUPPORTED', 'QEMU guest agent is not configured', 'qemu');
  if (!channel.isOpen) throw unresponsive('QEMU guest agent is not connected');
  return channel;
}

/** What the agent of a guest answers to a command, as JSON. `timeout`: seconds, or one of the words above. @throws LibvirtError */
export async function agentCommand(
  host: CommandHost,
  domain: Domain,
  text: string,
  timeout = DEFAULT,
): Promise<string | undefined> {
  const channel = channelOf(host, domain);
  if (timeout < BLOCK)
    throw new LibvirtError(
      'INVALID_ARG',
      `guest agent timeout '${timeout}' is less than the minimum '${BLOCK}'`,
      'qemu',
    );
  let command: { execute?: unknown };
  try {
    command = JSON.parse(text);
  } catch {
    throw new LibvirtError(
      'INTERNAL_ERROR',
      `cannot parse json ${text}: lexical error: invalid char in json text.`,
      'qemu',
    );
  }
  const lines = new Lines();
  const end = channel.connect({
    bytes: bytes => lines.take(bytes),
    closed: () => lines.fail(unresponsive('Guest agent disappeared while executing command')),
  });
  if (!end) throw unresponsive('QEMU guest agent is not connected');
  try {
    const answer = await ask({ end, lines, later: host.toolstack.hotplug.later }, command, timeout);
    if (answer.error)
      throw new LibvirtError(
        'INTERNAL_ERROR',
        `unable to execute QEMU agent command '${typeof command?.execute === 'string' ? command.execute : '<unknown>'}': ${answer.error.desc ?? answer.error.class ?? 'unknown QEMU agent command error'}`,
        'qemu',
      );
    return timeout === NOWAIT ? undefined : JSON.stringify(answer);
  } finally {
    end.close();
  }
}
