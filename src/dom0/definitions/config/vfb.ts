/**
 * A paravirtual screen of a definition. Source: xl.cfg(5) of Xen 4.17, "vfb", and parse_vfb_list() in tools/xl/xl_parse.c: options separated by commas,
 * NAME=VALUE; type= as xend had it.
 */
import {
  approximated,
  type Judged,
  ignored,
  type OptionRemark,
  type OptionRule,
  readOptions,
  unknown,
  used,
  wrong,
} from './options.ts';
import { askedOfViewers } from './keys/passwords.ts';
import { shortened } from './xlcfg.ts';

const IN_PAGE = 'The picture is in the page, and goes nowhere else: no VNC server listens.';
const viewer = ignored('the page shows it', IN_PAGE);
const flag =
  (judged: Judged): OptionRule =>
  value =>
    value === '0' || value === '1'
      ? value === '0'
        ? used('as asked', IN_PAGE)
        : judged
      : wrong('wants 0 or 1', `‘${shortened(value)}’ is neither 0 nor 1.`);
const number: OptionRule = value =>
  /^\d+$/.test(value) ? viewer : wrong('wants a number', `‘${shortened(value)}’ is no number.`);
const inPage = approximated('shown in the page', 'The picture is in the window of the domain in the page.');

const OPTIONS: Record<string, OptionRule> = {
  type: value =>
    value === 'vnc' || value === 'sdl'
      ? inPage
      : wrong('no such type', `‘${shortened(value)}’ is no type of screen. Write vnc or sdl.`),
  vnc: flag(inPage),
  sdl: flag(inPage),
  vnclisten: () => viewer,
  vncpasswd: () => askedOfViewers,
  vncdisplay: number,
  vncunused: flag(viewer),
  display: () => viewer,
  xauthority: () => viewer,
  opengl: flag(viewer),
  keymap: () =>
    ignored('keys are sent by place', 'Keys are sent by their place on the keyboard, so no table is needed.'),
  videoram: number,
};

/** What each option of a screen's text comes to. */
export const parseVfb = (text: string): OptionRemark[] =>
  readOptions(text, 'screen', (name, value) => {
    const rule = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (!rule) return unknown(name, 'screen', Object.keys(OPTIONS));
    return value === undefined ? wrong('needs a value', `${name} needs a value: ${name}=….`) : rule(value);
  });

/** What clients of VNC are asked for; undefined: nothing. */
export const vfbPassword = (text: string): string | undefined =>
  text
    .split(',')
    .flatMap(option => /^\s*vncpasswd\s*=\s*(.*)$/s.exec(option)?.[1]?.trimEnd() || [])
    .at(0);
