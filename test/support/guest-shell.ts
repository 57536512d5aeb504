/** A shell of a Linux guest on its serial line. */
import type { Ringside } from './command-line.ts';
import { BOOTED, PROMPT } from './guests.ts';

/** A busy machine boots slowly. */
const BOOT_SECONDS = 500,
  WORK_SECONDS = 300;

/** A shell on the serial line: commands, and what they print. */
export class Shell {
  private readonly vm: Ringside;
  private asked = 0;

  constructor(vm: Ringside) {
    this.vm = vm;
  }

  /** The command's output; throws where its status is not 0. */
  async run(command: string, seconds = WORK_SECONDS): Promise<string> {
    const number = ++this.asked;
    const from = this.vm.output.length;
    // The marks are put together by the shell, so that the echo of the command does not have them.
    this.vm.send(`echo be""gin-${number}; ${command}; echo en""d-${number}-$?\n`);
    await this.vm.expect(`end-${number}-`, seconds);
    await this.vm.expect(PROMPT, 60);
    const [, text, status] =
      new RegExp(`begin-${number}\\r?\\n([\\s\\S]*)end-${number}-(\\d+)`).exec(this.vm.output.slice(from)) ?? [];
    if (status !== '0') throw new Error(`${command}: status ${status}\n${text}`);
    return text.replaceAll('\r', '').trim();
  }

  /** Waits for the shell; `key`: what is typed at GRUB's menu. */
  async boot(key?: string): Promise<void> {
    if (key !== undefined) {
      await this.vm.expect('GNU GRUB', BOOT_SECONDS);
      this.vm.send(key);
    }
    await this.vm.expect(BOOTED, BOOT_SECONDS);
    await this.vm.expect('INIT-DONE', BOOT_SECONDS);
    await this.vm.expect(PROMPT, 60);
    // The kernel's own messages stay out of what commands print.
    await this.run('dmesg -n 1');
  }

  /** How far the guest's uptime is behind a clock of the host (in seconds, from any origin): the least of three looks, each of which may come late. */
  async lag(): Promise<{ lag: number; host: number }> {
    const looks: { lag: number; host: number }[] = [];
    for (let i = 0; i < 3; i++) {
      const uptime = Number((await this.run('cut -d" " -f1 /proc/uptime')).trim());
      const host = performance.now() / 1000;
      looks.push({ lag: host - uptime, host });
    }
    return looks.reduce((least, look) => (look.lag < least.lag ? look : least));
  }

  /** Counts of /proc/interrupts by what is at the end of a line, or by its name. */
  async interrupts(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const line of (await this.run('cat /proc/interrupts')).split('\n')) {
      const [, name, count, rest] = /^\s*(\w+):\s+(\d+)(.*)$/.exec(line) ?? [];
      if (name) for (const key of [name, rest.trim().split(/\s+/).at(-1)!]) counts.set(key, Number(count));
    }
    return counts;
  }
}
