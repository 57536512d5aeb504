/**
 * Keys of xl.cfg on which somebody's secrets, isolation or data may depend, and that are not done here: a definition may have one, and no domain starts from
 * it. The words are those with which libxl refuses the same on a host without it. Sources, of Xen 4.17: libxl_create.c, libxl_pci.c, libxl_usb.c, libxl_dm.c.
 */
import { ERROR_FAIL, ERROR_INVAL } from '../../libxl-words.ts';
import { contradictionOf } from './contradictions.ts';
import { type Judged, wrong } from '../options.ts';
import type { Asked } from '../rule.ts';
import { shortened } from '../xlcfg.ts';

/** What libxl says, and what is so here; undefined: this value asks for nothing. */
type Refusal = (asked: Asked) => { said?: string; why: string; status?: number } | undefined;

const isGiven = ({ value, number }: Asked): boolean =>
  value.kind === 'list' ? value.items.length > 0 : value.text !== '' && number !== 0;
/** Of a key that asks for something unless it is empty or 0. */
const asking =
  (why: string, said?: string, status?: number): Refusal =>
  asked =>
    isGiven(asked) ? { why, ...(said ? { said } : {}), ...(status ? { status } : {}) } : undefined;

const NO_PASSTHROUGH = 'libxl__domain_config_setdefault: passthrough not supported on this platform';
const NO_HARDWARE = 'There is no hardware that could be given to one guest';
const NO_LABELS = asking(
  'There is no security module to check labels',
  'libxl__domain_config_setdefault: XSM Disabled: init_seclabel not supported',
  ERROR_INVAL,
);
const passthrough = asking(NO_HARDWARE, NO_PASSTHROUGH, ERROR_INVAL);
/** Device models in Domain 0 have its rights, those next to their guests have none. */
const inDomain0: Refusal = asked =>
  isGiven(asked) && asked.definition.modelInDomain0
    ? { why: 'A device model in Domain 0 has the rights of Domain 0' }
    : undefined;

const REFUSALS: Readonly<Record<string, Refusal>> = {
  pci: passthrough,
  dtdev: passthrough,
  gfx_passthru: passthrough,
  passthrough: asked => (['default', 'disabled'].includes(asked.text) ? undefined : passthrough(asked)),
  usbdev: asking(NO_HARDWARE, "libxl__device_usbdev_add: USB device doesn't exist in sysfs"),
  irqs: asking(NO_HARDWARE, 'domcreate_launch_dm: failed give domain access to irq'),
  ioports: asking(NO_HARDWARE, 'domcreate_launch_dm: failed give domain access to ioports'),
  iomem: asking(NO_HARDWARE, 'domcreate_launch_dm: failed give domain access to iomem range'),
  vtpm: asking('There is no TPM here', 'domcreate_attach_devices: unable to add vtpm devices'),
  pool: ({ text }) =>
    ['', 'Pool-0', '0'].includes(text)
      ? undefined
      : {
          said: `libxl__domain_config_setdefault: Illegal pool specified: ${shortened(text)}`,
          why: 'All processors are in Pool-0',
          status: ERROR_INVAL,
        },
  seclabel: NO_LABELS,
  init_seclabel: NO_LABELS,
  device_model_stubdomain_seclabel: NO_LABELS,
  pvshim: asking('A PV guest runs in no shim of its own here'),
  spicetls_port: asking('Screens are served without TLS'),
  dm_restrict: inDomain0,
  device_model_user: inDomain0,
};
export const REFUSED_KEYS: readonly string[] = Object.keys(REFUSALS);

/** Why no domain starts with a setting, or what another one makes of it; undefined: the key's own rule says. */
export function refusalOf(asked: Asked): Judged | undefined {
  const refusal = Object.hasOwn(REFUSALS, asked.key) ? REFUSALS[asked.key](asked) : undefined;
  if (!refusal) return contradictionOf(asked);
  const { said, why, status = ERROR_FAIL } = refusal;
  return {
    ...wrong('not here: it does not start', `${asked.key}: ${why.replace(/\.$/, '')}. Take ${asked.key} out.`),
    refusesStart: true,
    ...(said ? { libxl: { said: [`libxl: error: ${said}`], status } } : {}),
  };
}
