/** Definitions in libvirt's XML, read and written. */
export { writeXml } from '../write-xml.ts';
export * from './index.ts';
export * from './tree.ts';
