/**
 * A Debian system with systemd out of packages, as dpkg unpacks and configures it, without running their scripts: what those of the few packages that
 * matter here do is done by hand, the rest by systemd's own services when it first starts (systemd-sysusers, systemd-tmpfiles).
 * Sources: the packages' postinst scripts, dpkg(1), deb-triggers(5), systemctl(1) `enable`, pam-auth-update(8), Debian's UsrMerge.
 */

import { FILE, FOLDER, LINK } from '../../src/formats/file-systems/cpio.ts';
import { readControl, readDeb } from './deb.ts';
import type { Ext2Entry } from './ext2.ts';
import type { TarEntry } from './tar.ts';

export type Tree = Map<string, Ext2Entry>;

/** Folders of the root whose content lies in /usr (usr-is-merged). */
const MERGED = ['bin', 'lib', 'lib64', 'sbin'];
const IN_USR = new RegExp(`^(${MERGED.join('|')})(/|$)`);
/** What no program of the system needs to start. hwdb.d: compiled at a first start, for minutes, into names of devices that nobody has here. */
const UNREAD = /^usr\/(share\/(doc|man|info|locale|lintian|bash-completion|zoneinfo\/(?!Etc))|lib\/(x86_64-linux-gnu\/gconv|udev\/hwdb\.d))\//;
const FORMAT = 0o170000;
const UNITS = 'usr/lib/systemd/system/',
  ENABLED = 'etc/systemd/system/';
/** Enabled by the scripts of systemd; and the network, which Debian leaves to its installer. */
const SERVICES = ['getty@tty1.service', 'remote-fs.target', 'systemd-pstore.service', 'systemd-networkd.service'];
const STICKY = 0o1000,
  SET_GROUP = 0o2000;
const MAIL = 8,
  SHADOW = 42,
  UTMP = 43;

/** What pam-auth-update(8) puts in the place of a template's variables for pam_unix and pam_systemd. */
const PAM: Record<string, string> = {
  auth_primary: 'auth [success=1 default=ignore] pam_unix.so nullok',
  account_primary: 'account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so',
  password_primary: 'password [success=1 default=ignore] pam_unix.so obscure yescrypt',
  session_primary: 'session [default=1] pam_permit.so',
  session_nonint_primary: 'session [default=1] pam_permit.so',
  session_additional: 'session required pam_unix.so\nsession optional pam_systemd.so',
  session_nonint_additional: 'session required pam_unix.so',
};

const encode = (value: string): Uint8Array => new TextEncoder().encode(value);
const textFile = (value: string, permissions = 0o644, group = 0): Ext2Entry => ({ mode: (FILE & FORMAT) | permissions, data: encode(value), group });
const link = (target: string): Ext2Entry => ({ mode: LINK, data: encode(target) });
const folder = (permissions: number, group = 0): Ext2Entry => ({ mode: (FOLDER & FORMAT) | permissions, group });
const merged = (path: string): string => (IN_USR.test(path) ? `usr/${path}` : path);

/** Files of the packages, and what makes of them a system with this name. root has no password. */
export async function debianSystem(
  debs: Iterable<Uint8Array>,
  { hostname, label, foreign }: { hostname: string; label: string; foreign: string },
): Promise<Tree> {
  const tree: Tree = new Map();
  const status: string[] = [];
  for (const deb of debs) {
    const list = ['/.'];
    for (const entry of await readDeb(deb)) {
      const path = entry.path.replace(/\/$/, '');
      if (path === '' || path === '.') continue;
      list.push(`/${path}`);
      // The links are made below, for packages that have folders in their place.
      if (!UNREAD.test(`${merged(path)}/`) && !MERGED.includes(path)) put(tree, merged(path), entry);
    }
    status.push(await register(tree, deb, list));
  }
  for (const name of MERGED) tree.set(`usr/${name}`, folder(0o755)).set(name, link(`usr/${name}`));
  tree.set('var/lib/dpkg/status', textFile(status.join('\n')));
  tree.set('var/lib/dpkg/arch', textFile(`amd64\n${foreign}\n`)).set('var/lib/dpkg/info/format', textFile('1\n'));
  configureUsers(tree);
  configureBase(tree, hostname, label);
  for (const service of SERVICES) enable(tree, service);
  return tree;
}

/** A second name of a file becomes a copy of it. */
function put(tree: Tree, path: string, { type, data, target, isHardLink, permissions, owner, group }: TarEntry): void {
  if (type === 'folder') tree.set(path, { mode: (FOLDER & FORMAT) | permissions, owner, group });
  else if (type === 'file') tree.set(path, { mode: (FILE & FORMAT) | permissions, data, owner, group });
  else if (isHardLink) tree.set(path, tree.get(merged(target.replace(/^\.?\//, '')))!);
  else if (type === 'link') tree.set(path, link(target));
}

/** Keeps a package's scripts and lists where dpkg has them; its paragraph of dpkg's status. */
async function register(tree: Tree, deb: Uint8Array, list: readonly string[]): Promise<string> {
  const control = new Map((await readControl(deb)).filter(({ type }) => type === 'file').map(entry => [entry.path, entry]));
  const decode = (name: string): string => new TextDecoder().decode(control.get(name)?.data);
  const said = decode('control').trimEnd();
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(said)?.[1] ?? '';
  const name = field('Multi-Arch') === 'same' ? `${field('Package')}:${field('Architecture')}` : field('Package');
  for (const [part, { data, permissions }] of control)
    if (part !== 'control') tree.set(`var/lib/dpkg/info/${name}.${part}`, { mode: (FILE & FORMAT) | permissions, data });
  tree.set(`var/lib/dpkg/info/${name}.list`, textFile(`${list.join('\n')}\n`));
  return `${said.replace(/^(Package: .*)$/m, '$1\nStatus: install ok installed')}\n`;
}

/** As base-passwd, passwd and libpam-runtime do it. */
function configureUsers(tree: Tree): void {
  const master = (name: string): string => new TextDecoder().decode(tree.get(`usr/share/base-passwd/${name}.master`)!.data);
  const names = (text: string): string[] => [...text.matchAll(/^[^:]+/gm)].map(([name]) => name);
  const users = master('passwd').replaceAll(':*:', ':x:'),
    groups = master('group').replaceAll(':*:', ':x:');
  tree.set('etc/passwd', textFile(users)).set('etc/group', textFile(groups));
  const shadow = names(users).map(name => `${name}:${name === 'root' ? '' : '*'}:19000:0:99999:7:::\n`);
  tree.set('etc/shadow', textFile(shadow.join(''), 0o640, SHADOW));
  tree.set('etc/gshadow', textFile(names(groups).map(name => `${name}:*::\n`).join(''), 0o640, SHADOW));
  for (const [path, { data }] of [...tree]) {
    const name = /^usr\/share\/pam\/(common-[a-z-]+)$/.exec(path)?.[1];
    if (name) tree.set(`etc/pam.d/${name}`, textFile(new TextDecoder().decode(data).replace(/^\$(\w+)$/gm, (_, variable) => PAM[variable] ?? '')));
  }
}

/** As base-files, libc-bin, debianutils and mawk do it; and what an installer asks for. */
function configureBase(tree: Tree, hostname: string, label: string): void {
  const copy = (from: string, to: string): void => {
    if (tree.has(from) && !tree.has(to)) tree.set(to, tree.get(from)!);
  };
  copy('usr/share/base-files/dot.profile', 'root/.profile');
  copy('usr/share/base-files/dot.bashrc', 'root/.bashrc');
  copy('usr/share/base-files/profile', 'etc/profile');
  copy('usr/share/base-files/nsswitch.conf', 'etc/nsswitch.conf');
  copy('usr/share/libc-bin/nsswitch.conf', 'etc/nsswitch.conf');
  for (const path of ['mnt', 'srv', 'opt', 'media', 'dev', 'proc', 'sys', 'run', 'var/log']) tree.set(path, folder(0o755));
  tree.set('root', folder(0o700)).set('tmp', folder(0o777 | STICKY)).set('var/tmp', folder(0o777 | STICKY)).set('var/mail', folder(0o775 | SET_GROUP, MAIL));
  tree.set('var/run', link('/run')).set('var/lock', link('/run/lock'));
  tree.set('var/log/wtmp', textFile('', 0o664, UTMP)).set('var/log/btmp', textFile('', 0o660, UTMP)).set('var/log/lastlog', textFile('', 0o664, UTMP));
  tree.set('etc/shells', textFile('/bin/sh\n/bin/bash\n/usr/bin/sh\n/usr/bin/bash\n')).set('etc/environment', textFile(''));
  for (const [name, program] of [
    ['awk', 'mawk'],
    ['which', 'which.debianutils'],
  ])
    if (tree.has(`usr/bin/${program}`)) tree.set(`usr/bin/${name}`, link(`/etc/alternatives/${name}`)).set(`etc/alternatives/${name}`, link(`/usr/bin/${program}`));
  if (!tree.has('usr/bin/sh')) tree.set('usr/bin/sh', link('dash'));
  // Empty: systemd makes one when it starts, and takes this for no first start, at which it would ask questions (machine-id(5)).
  tree.set('etc/machine-id', textFile(''));
  tree.set('etc/hostname', textFile(`${hostname}\n`)).set('etc/hosts', textFile(`127.0.0.1 localhost ${hostname}\n`));
  tree.set('etc/fstab', textFile(`LABEL=${label} / ext4 noatime,errors=remount-ro 0 0\n`)).set('etc/localtime', link('/usr/share/zoneinfo/Etc/UTC'));
  tree.set('etc/systemd/network/80-dhcp.network', textFile('[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n'));
}

/** As `systemctl enable` does it: by the unit's section Install. */
function enable(tree: Tree, service: string): void {
  const file = tree.has(UNITS + service) ? service : service.replace(/@.*\./, '@.');
  const unit = tree.get(UNITS + file);
  if (!unit?.data) throw new Error(`no unit ${service} in the packages`);
  const install = new TextDecoder().decode(unit.data).replace(/^.*^\[Install\]$/ms, '');
  const values = (key: string): string[] => [...install.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(([, value]) => value.trim().split(/\s+/));
  const to = link(`/${UNITS}${file}`);
  for (const target of values('WantedBy')) tree.set(`${ENABLED}${target}.wants/${service}`, to);
  for (const name of values('Alias')) tree.set(`${ENABLED}${name}`, to);
  for (const also of values('Also')) if (!tree.has(`${ENABLED}${also}`) && also !== service && tree.has(UNITS + also)) enable(tree, also);
}
