/** Domain 0's shell as a person types at it (`ringside sh`), with the consoles of the host's guests. */
import { Ringside } from './command-line.ts';

/** Ctrl-], which leaves `xl console`. */
const LEAVE = '\x1d';

export class HostShell extends Ringside {
  private asked = 0;

  constructor(...argv: string[]) {
    super('sh', ...argv);
  }

  /** Runs a line; its output, once it has ended with status 0. */
  async run(line: string, usualSeconds: number): Promise<string> {
    const from = this.output.length;
    const number = ++this.asked;
    // The mark is written in two parts so that the echo of the line does not have it.
    this.send(`${line}; echo do''ne-${number} $?\r`);
    await this.expect(`done-${number} 0`, usualSeconds);
    return this.output.slice(from).replace(/\r/g, '');
  }

  /** Waits until a guest's console has shown a text and then a prompt. */
  async shows(guest: string, text: string, usualSeconds: number): Promise<void> {
    this.send(`xl console ${guest}\r`);
    await this.expect(text, usualSeconds);
    await this.expect('# ', usualSeconds);
    await this.leave();
  }

  private async leave(): Promise<void> {
    this.send(LEAVE);
    await this.expect('# ', 20);
  }

  /** Commands for the shell on a guest's console; what they print. Throws where the last one's status is not 0. */
  async ask(guest: string, commands: string, usualSeconds: number): Promise<string> {
    const number = ++this.asked;
    this.send(`xl console ${guest}\r`);
    this.send(`\necho be''gin-${number}; ${commands}; echo en''d-${number}-$?\n`);
    await this.expect(`end-${number}-`, usualSeconds);
    await this.expect('# ', 20);
    const text = this.output.slice(this.output.lastIndexOf(`begin-${number}`)).replace(/\r/g, '');
    await this.leave();
    const [, said, status] = new RegExp(`begin-${number}\\n([\\s\\S]*)end-${number}-(\\d+)`).exec(text) ?? [];
    if (status !== '0') throw new Error(`${guest}: ${commands}: status ${status}\n${text}`);
    return said;
  }
}
