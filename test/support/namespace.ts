/** A network namespace, which is joined to this machine by a cable that can be cut: what is sent then is lost, and no connection ends. */
import { spawnSync } from 'node:child_process';

/** Of documentation (RFC 5737). */
const HERE = '198.51.100.1',
  THERE = '198.51.100.2';

const tries = (...[command, ...words]: string[]): boolean => spawnSync(command!, words).status === 0;

export class Namespace {
  /** This machine, as it is called in there. */
  readonly here = HERE;
  private readonly name = `ringside-${process.pid}`;
  private readonly card = `rs${process.pid % 100_000}`;

  /** Undefined: this machine lets nobody make one, or has no nftables. */
  static make(): Namespace | undefined {
    const made = new Namespace();
    if (made.isMade()) return made;
    made.end();
    return undefined;
  }

  private isMade(): boolean {
    const { name, card } = this;
    return (
      tries('ip', 'netns', 'add', name) &&
      tries('ip', 'link', 'add', card, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name) &&
      tries('ip', 'address', 'add', `${HERE}/30`, 'dev', card) &&
      tries('ip', 'link', 'set', card, 'up') &&
      this.runs('ip', 'address', 'add', `${THERE}/30`, 'dev', 'eth0') &&
      this.runs('ip', 'link', 'set', 'eth0', 'up') &&
      this.runs('ip', 'link', 'set', 'lo', 'up') &&
      this.runs('nft', 'list', 'ruleset')
    );
  }

  /** Has a command run in there. */
  get behind(): string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  private runs(...words: string[]): boolean {
    return tries(...this.behind, ...words);
  }

  /** Whether the cable lets anything through. */
  set isCut(isCut: boolean) {
    const rules = ['input', 'output'].map(
      hook => `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; }`,
    );
    this.runs('nft', isCut ? `add table inet cut; ${rules.join('; ')}` : 'flush ruleset');
  }

  end(): void {
    tries('ip', 'netns', 'delete', this.name);
    tries('ip', 'link', 'delete', this.card);
  }
}
