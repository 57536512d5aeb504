/**
 * Passwords of screens. Sources: xl.cfg(5), "vncpasswd" and "spicepasswd"; qemuValidateDomainDeviceDefVNCGraphics() and virDomainGraphicsAuthDefParseXML() of
 * libvirt 9.0 for what is refused.
 */
import { definedAs } from '../../kinds/index.ts';
import { used, wrong } from '../options.ts';
import { type Family, rule } from '../rule.ts';

/** VNC's authentication takes no more. */
/** A moment that is over: with that alone nobody gets in. */
export const LONG_AGO = '1970-01-01T00:00:00';

/** As libvirt reads it: to the second, of UTC. */
const isMoment = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}Z`));

export const askedOfViewers = used(
  'clients of VNC are asked for it',
  'VNC clients are asked for it, wherever this host serves the screen to them. The page shows the screen to all its users.',
);

export const passwords: Family = {
  vncpasswd: rule('string', askedOfViewers, {
    // QEMU's driver; libxl leaves it to QEMU, which looks at the first ones.
    range: ({ text, definition }) => {
      const most = definedAs(definition).passwordLength;
      return text.length > most
        ? wrong(`at most ${most} characters`, `VNC password is ${text.length} characters long, only ${most} permitted.`)
        : undefined;
    },
    into: (definition, { text }) => {
      if (text !== '') definition.vncPassword = text;
    },
    from: ({ vncPassword, vfb }) => (vfb ? undefined : vncPassword || undefined),
  }),
  vncpasswd_until: rule('string', used('until then', 'From then on nobody gets in with the password of the screen.'), {
    range: ({ text }) =>
      isMoment(text)
        ? undefined
        : wrong('wants a moment', `cannot parse password validity time '${text}', expect YYYY-MM-DDTHH:MM:SS.`),
    into: (definition, { text }) => {
      definition.vncPasswordUntil = text;
      definition.vncPassword ??= '';
    },
    from: ({ vncPassword, vncPasswordUntil }) =>
      vncPassword === undefined ? undefined : (vncPasswordUntil ?? (vncPassword === '' ? LONG_AGO : undefined)),
  }),
  // What a guest of Spice shows is served to clients of VNC here.
  spicepasswd: rule('string', askedOfViewers, {
    into: (definition, { text, numberOf }) => {
      if (text !== '' && numberOf('spice') === 1) definition.vncPassword ??= text;
    },
  }),
};
