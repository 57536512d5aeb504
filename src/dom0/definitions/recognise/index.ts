/** What src/dom0/definitions/recognise offers to other rooms: what a file is that other products have, and how it is used here. */
export { type Foreign, recognise } from './recognise.ts';
export { describeData, notBootable } from './data.ts';
export { describedXml } from './xml-documents.ts';
