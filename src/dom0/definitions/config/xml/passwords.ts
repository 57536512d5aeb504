/** Passwords of screens. Source: virDomainGraphicsAuthDefParseXML() of src/conf/domain_conf.c of libvirt 9.0. */
import { LONG_AGO } from '../keys/passwords.ts';
import type { XmlReading } from './reading.ts';
import { type Element, tag } from './tree.ts';

/** The first screen of a kind counts. */
export function readPassword(read: XmlReading, element: Element): void {
  const { type, passwd, passwdValidTo, connected } = element.attributes;
  if (passwd === undefined || (type !== 'vnc' && type !== 'spice')) return;
  if (type === 'vnc' && connected !== undefined && connected !== 'keep')
    read.problem(element.places.connected, "VNC supports connected='keep' only.");
  const key = `${type}passwd`;
  if (read.source.settings.some(setting => setting.key === key || setting.key === 'vncpasswd_until')) return;
  if (passwd !== '') read.set(key, element.places.passwd, passwd, 'string', tag(element, 'type'));
  const until = passwdValidTo ?? (passwd === '' ? LONG_AGO : undefined);
  if (until !== undefined)
    read.set(
      'vncpasswd_until',
      element.places.passwdValidTo ?? element.places.passwd,
      until,
      'string',
      `passwdValidTo='${until}'`,
    );
}
