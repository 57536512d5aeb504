/**
 * What a domain shows, and keys that are pressed at it. Sources: virDomainScreenshot and virDomainSendKey of include/libvirt/libvirt-domain.h;
 * qemuDomainOpenGraphicsFD() of src/qemu/qemu_driver.c of libvirt 9.0.
 */
import { keyOfLinux, keyOfXt } from '../../devices/ps2/index.ts';
import { concat } from '../../formats/bytes/index.ts';
import { readScreen, screenPicture } from '../../hypervisor/view/index.ts';
import type { ByteChannel } from '../host/nbd/index.ts';
import { type CommandHost, type Guest, hasScreen, type Uses } from '../toolstack/index.ts';
import type { Domain } from '../toolstack/domains/index.ts';
import { guestId, xmlOf } from './domains.ts';
import { LibvirtError } from './errors.ts';
import { checkFlags } from './flags.ts';
import { driverOf } from './hypervisors/index.ts';
import { childOf, readXml, type XmlElement } from './xml.ts';

/** virKeycodeSet: whose numbers are known here. */
const KEY_OF: Readonly<Record<number, (number: number) => string | undefined>> = {
  0: keyOfLinux,
  1: keyOfXt,
  2: keyOfXt,
  9: keyOfXt,
};
/** VIR_DOMAIN_SEND_KEY_MAX_KEYS. */
export const MOST_KEYS = 16;

/** Presses keys together, and lets them go after this many milliseconds. A code is a number of the set, or KeyboardEvent.code. @throws LibvirtError */
export async function sendKeys(
  host: Uses<'clock' | 'domains' | 'toolstack'>,
  domain: Domain,
  { codeset, holdMs, codes }: { codeset: number; holdMs: number; codes: readonly (number | string)[] },
): Promise<void> {
  const member = host.domains.living(guestId(domain));
  const keyOf = KEY_OF[codeset];
  if (!keyOf) throw new LibvirtError('INVALID_ARG', `unsupported keycode set ${codeset}`);
  const keys = codes.map(code => {
    const key = typeof code === 'string' ? code : keyOf(code);
    if (key === undefined) throw new LibvirtError('INTERNAL_ERROR', `cannot translate keycode ${code}`);
    return key;
  });
  const { inputs } = host.toolstack;
  for (const key of keys) inputs.key(member, key, true);
  if (holdMs > 0) await new Promise<void>(resolve => void host.clock.later(holdMs, resolve));
  for (const key of [...keys].reverse()) inputs.key(member, key, false);
}

/** Where clients of VNC find a domain's screen, as its document says it; undefined: nowhere. @throws LibvirtError */
export async function displayOf(
  host: Uses<'consoles' | 'toolstack'>,
  domain: Domain,
): Promise<{ port: number; address: string | undefined } | undefined> {
  const graphics = (await screensOf(host, domain)).find(({ attributes }) => attributes.type === 'vnc');
  const port = Number(graphics?.attributes.port ?? -1);
  if (!graphics || !(port >= 0)) return undefined;
  return { port, address: graphics.attributes.listen ?? childOf(graphics, 'listen')?.attributes.address };
}

/** As the document of what runs has them. @throws LibvirtError */
async function screensOf(host: Uses<'consoles' | 'toolstack'>, domain: Domain): Promise<XmlElement[]> {
  const devices = childOf(await readXml(await xmlOf(host, domain, 0), 'domain'), 'devices');
  return devices?.children.filter(({ name }) => name === 'graphics') ?? [];
}

/** VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH. */
const SKIP_AUTHENTICATION = 1 << 0;

/** Has a client see one of a domain's screens over a channel that it was given; one that listens nowhere, too. @throws LibvirtError */
export async function openGraphics(
  host: Uses<'consoles' | 'domains' | 'toolstack'>,
  domain: Domain,
  index: number,
  flags = 0,
): Promise<(channel: ByteChannel) => void> {
  const { showScreenTo } = host.consoles;
  driverOf(host).needsQemu('virDomainOpenGraphicsFD');
  if (!showScreenTo) throw new LibvirtError('NO_SUPPORT', 'virDomainOpenGraphicsFD', 'domain');
  checkFlags(flags, SKIP_AUTHENTICATION, 'qemuDomainOpenGraphicsFD');
  const member = host.domains.living(guestId(domain));
  const type = (await screensOf(host, domain))[index]?.attributes.type;
  if (type === undefined || !hasScreen(member.blueprint))
    throw new LibvirtError('INTERNAL_ERROR', `No graphics backend with index ${index}`, 'qemu');
  if (type !== 'vnc')
    throw new LibvirtError('INTERNAL_ERROR', `Can only open VNC or SPICE graphics backends, not ${type}`, 'qemu');
  return channel => showScreenTo(host.toolstack, member, channel, (flags & SKIP_AUTHENTICATION) !== 0);
}

/** Looks at a screen that changes just now. */
const TRIES = 100;
export const SCREENSHOT_TYPE = 'image/x-portable-pixmap';

/** A picture of it as a PPM file. @throws LibvirtError */
export async function screenshot(host: CommandHost, domain: Domain, screen = 0, flags = 0): Promise<Uint8Array> {
  checkFlags(flags, 0, 'virDomainScreenshot');
  const member = host.domains.living(guestId(domain));
  if (!hasScreen(member.blueprint)) throw new LibvirtError('OPERATION_INVALID', 'no screens to take screenshot from');
  if (screen !== 0) throw new LibvirtError('INVALID_ARG', 'no such screen');
  for (let tries = 0; tries < TRIES; tries++) {
    const picture = pictureOf(host, member);
    if (picture) {
      const { width, height, rgb } = picture;
      return concat(new TextEncoder().encode(`P6\n${width} ${height}\n255\n`), rgb);
    }
    await new Promise<void>(resolve => host.clock.soon(resolve));
  }
  throw new LibvirtError('OPERATION_FAILED', 'the screen does not stop changing');
}

function pictureOf({ toolstack: { machine } }: Uses<'toolstack'>, { record: { screenOffset } }: Guest) {
  const memory = machine.memory as SharedArrayBuffer;
  return readScreen(memory, screenOffset, () => screenPicture(memory, screenOffset));
}
