/**
 * Where a definition wants its screen: the port that libvirt's XML names, or the display of xl.cfg(5) (vncdisplay, vnclisten, vncunused). The address is always
 * 127.0.0.1 here. Sources: virDomainGraphicsDefParseXMLVNC() of libvirt 9.0; libxl_dm.c of Xen 4.17 (QEMU's -vnc ADDRESS:DISPLAY,to=99).
 */
import { xmlLanguage } from '../../definitions/config/index.ts';
import { judgeDefinition, prepareToRead } from '../../definitions/config/index.ts';
import type { Blueprint } from '../running-domain.ts';

/** The first port of VNC: display :0. */
export const FIRST_VNC_PORT = 5900;

export interface AskedPort {
  port: number;
  /** That port or none; else the next one that is free. */
  isFixed: boolean;
}

/** @returns undefined: the definition does not care */
export async function askedPort({
  text: own,
  document: text = own,
}: Pick<Blueprint, 'text' | 'document'>): Promise<AskedPort | undefined> {
  if (/^\s*</.test(text)) return portOfXml(text);
  await prepareToRead(text);
  const { settings } = judgeDefinition('', text);
  const of = (key: string): string | undefined => {
    const value = settings.get(key);
    return value === undefined || value.kind === 'list' ? undefined : value.text;
  };
  const display = of('vncdisplay') ?? /:(\d+)$/.exec(of('vnclisten') ?? '')?.[1];
  const number = display === undefined || display === '' ? NaN : Number(display);
  return isPort(FIRST_VNC_PORT + number)
    ? { port: FIRST_VNC_PORT + number, isFixed: Number(of('vncunused') ?? 1) === 0 }
    : undefined;
}

async function portOfXml(text: string): Promise<AskedPort | undefined> {
  const { childOf, parse } = await xmlLanguage.load();
  const screens = childOf(parse(text), 'devices')?.children.filter(({ name }) => name === 'graphics') ?? [];
  const { port, autoport } = screens.find(({ attributes }) => attributes.type === 'vnc')?.attributes ?? {};
  return autoport !== 'yes' && isPort(Number(port)) ? { port: Number(port), isFixed: true } : undefined;
}

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536;
