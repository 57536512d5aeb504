/** A login over a MessagePort: the terminal is in the page, the session in Domain 0's worker. */
import type { BashParts } from './bash.ts';
import { login } from './login.ts';

/** What the page sends: what was typed, or its terminal's size. */
export type ShellInput = { typed: string } | { columns: number; rows: number };
/** What it gets: text with control sequences; at the end the last command's status. */
export type ShellOutput = { text: string } | { over: number };

/** A session that somebody else can end. */
export interface PortSession {
  port: MessagePort;
  /** Says why, and ends it. */
  end(sentence: string): void;
}

export async function loginOverPort(
  parts: BashParts,
  version: string,
  size: { columns: number; rows: number },
  note?: string,
): Promise<PortSession> {
  const { port1, port2 } = new MessageChannel();
  const post = (message: ShellOutput): void => port1.postMessage(message);
  const { columns, rows } = size;
  const terminal = { columns, rows, write: (text: string) => post({ text }) };
  const session = await login(parts, terminal, version, note);
  port1.onmessage = ({ data }: MessageEvent<ShellInput>) => {
    if ('typed' in data && typeof data.typed === 'string') session.input(data.typed);
    else if ('columns' in data && data.columns > 0 && data.rows > 0) {
      terminal.columns = data.columns;
      terminal.rows = data.rows;
      session.resized();
    }
  };
  void session.over.then(status => {
    post({ over: status });
    port1.close();
  });
  return {
    port: port2,
    end: sentence => {
      post({ text: `\r\n${sentence}\r\n` });
      session.close();
    },
  };
}
