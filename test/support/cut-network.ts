/** Two network namespaces of Linux with a cable between them that can be cut: what passes is dropped by nftables, while both ends keep what they have sent. */
import { execFileSync, spawn } from 'node:child_process';
import { Program } from './command-line.ts';

/** Addresses of the two. Each pair of namespaces has the same. */
export const NEAR = '10.77.0.1',
  FAR = '10.77.0.2';

const run = (command: string, input?: string): void => {
  const [program, ...argv] = command.split(' ');
  execFileSync(program!, argv, { input, stdio: ['pipe', 'ignore', 'pipe'] });
};

export class CutNetwork {
  readonly near: string;
  readonly far: string;

  /** @throws Error: this machine makes none */
  constructor(name: string) {
    this.near = `${name}n`;
    this.far = `${name}f`;
    try {
      for (const each of [this.near, this.far]) {
        run(`ip netns add ${each}`);
        run(`ip -n ${each} link set lo up`);
      }
      run(`ip -n ${this.near} link add cable type veth peer name cable netns ${this.far}`);
      run(`ip -n ${this.near} addr add ${NEAR}/30 dev cable`);
      run(`ip -n ${this.far} addr add ${FAR}/30 dev cable`);
      for (const each of [this.near, this.far]) run(`ip -n ${each} link set cable up`);
      this.cut();
      this.heal();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** In the near one: what the far one has sent has left it. `port`: of one server there. */
  cut(port?: number): void {
    const [from, to] = port === undefined ? ['', ''] : [`tcp dport ${port}`, `tcp sport ${port}`];
    this.nft(`table ip cut {
      chain come { type filter hook prerouting priority raw; ip saddr ${FAR} ${from} drop
 }
      chain go { type filter hook postrouting priority 300; ip daddr ${FAR} ${to} drop
 }
    }`);
  }

  heal(): void {
    // Whether it is cut or not.
    this.nft('table ip cut {}\ndelete table ip cut');
  }

  private nft(rules: string): void {
    run(`ip netns exec ${this.near} nft -f -`, `${rules}\n`);
  }

  /** Of the network of one end. */
  sysctl(end: 'near' | 'far', ...settings: string[]): void {
    run(`ip netns exec ${this[end]} sysctl -q -w ${settings.join(' ')}`);
  }

  /** A program at one end. */
  start(end: 'near' | 'far', argv: readonly string[], env: NodeJS.ProcessEnv = {}): NetworkProgram {
    return new NetworkProgram(this[end], argv, env);
  }

  /** With all that still runs there. */
  close(): void {
    for (const each of [this.near, this.far]) {
      try {
        const pids = execFileSync('ip', ['netns', 'pids', each], { encoding: 'utf8' }).split('\n').filter(Boolean);
        for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
        run(`ip netns del ${each}`);
      } catch {
        // It was not made.
      }
    }
  }
}

export class NetworkProgram extends Program {
  private asked = 0;

  constructor(namespace: string, argv: readonly string[], env: NodeJS.ProcessEnv) {
    const all = ['netns', 'exec', namespace, ...argv];
    super(spawn('ip', all, { stdio: 'pipe', env: { ...process.env, ...env } }));
  }

  /** As `HostShell.run`. */
  async run(line: string, usualSeconds: number): Promise<string> {
    const from = this.output.length;
    const number = ++this.asked;
    this.send(`${line}; echo do''ne-${number} $?\r`);
    await this.expect(`done-${number} 0`, usualSeconds);
    return this.output.slice(from).replace(/\r/g, '');
  }

  /** `ip netns exec` becomes the program. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Why this machine can make no such network; undefined: it can. */
export function whyNoNetwork(): string | undefined {
  try {
    new CutNetwork(`rsprobe${process.pid}`).close();
    return undefined;
  } catch (error) {
    return (error as Error).message.replaceAll('\n', ' ');
  }
}
