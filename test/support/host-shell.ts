/** Domain 0's shell as a person types at it (`ringside sh`). */
import { type Behind, Ringside } from './command-line.ts';

export class HostShell extends Ringside {
  private asked = 0;

  constructor(...argv: (string | Behind)[]) {
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
}
