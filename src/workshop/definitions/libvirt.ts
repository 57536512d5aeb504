/** libvirt's own QEMU driver, within virsh: `qemu:///embed` has its files below a folder, and no daemon. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a definition came to. */
export interface Answer {
  /** Why it is refused; undefined: it is defined. */
  refused?: string | undefined;
  /** `dumpxml --inactive` of it. */
  document?: string | undefined;
}

export const VIRSH = '/usr/bin/virsh';
/** The driver, a module of its own. */
const DRIVER = '/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so';

/** What is missing to ask it; undefined: nothing. */
export function missingLibvirt(): string | undefined {
  if (!existsSync(VIRSH)) return 'virsh: apt-get install libvirt-clients';
  if (!existsSync(DRIVER)) return "libvirt's QEMU driver: apt-get install libvirt-daemon-driver-qemu";
  if (!existsSync('/usr/bin/qemu-system-x86_64')) return 'QEMU: apt-get install qemu-system-x86';
  if (!/^libvirt-qemu:/m.test(readFileSync('/etc/passwd', 'utf8')))
    return 'the user libvirt-qemu: apt-get install libvirt-daemon-system, or useradd -r -g kvm libvirt-qemu';
  return process.getuid?.() === 0 ? undefined : 'root, as whom its driver alone opens';
}

const mark = (what: string, name: string): string => `@@${what}-${name}@@`;

/** What one virsh says of all of them. */
export async function askLibvirt(
  definitions: readonly { name: string; text: string }[],
  folder: string,
): Promise<Map<string, Answer>> {
  mkdirSync(folder, { recursive: true });
  const lines: string[] = [];
  for (const { name, text } of definitions) {
    const file = join(folder, `${name}.xml`);
    writeFileSync(file, text);
    lines.push(`echo ${mark('define', name)}`, `define ${file}`, `echo ${mark('dump', name)}`);
    lines.push(`dumpxml ${name} --inactive --security-info`, `echo ${mark('end', name)}`, `undefine ${name} --nvram`);
  }
  const said = await run(join(folder, 'root'), `${lines.join('\n')}\nquit\n`);
  const answers = new Map<string, Answer>();
  for (const { name } of definitions) {
    const defined = between(said, mark('define', name), mark('dump', name));
    const dump = between(said, mark('dump', name), mark('end', name));
    const error = /^error: (?!Failed to define)(.*(?:\n(?!virsh #|error:).+)*)/m.exec(defined)?.[1];
    const document = /<domain[\s\S]*<\/domain>/.exec(dump)?.[0];
    if (error === undefined && document === undefined)
      throw new Error(`virsh has said nothing of ${name}:\n${defined}${dump}`);
    answers.set(name, error === undefined ? { document } : { refused: error.trim() });
  }
  return answers;
}

/** Of what virsh says, the part between two of its own `echo`. */
function between(said: string, from: string, to: string): string {
  const after = (text: string): number => {
    // Behind what it is typed the line begins with it.
    const found = new RegExp(`^${text}`, 'm').exec(said);
    return found ? found.index + found[0].length : -1;
  };
  return said.slice(after(from), after(to));
}

/** What virsh prints of commands that it is typed. */
function run(root: string, commands: string): Promise<string> {
  mkdirSync(root, { recursive: true });
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', `exec ${VIRSH} -q -c 'qemu:///embed?root=${root}' 2>&1`], {
      env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'dumb' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.on('error', reject);
    child.on('close', () => resolve(Buffer.concat(parts).toString()));
    child.stdin.end(commands);
  });
}
