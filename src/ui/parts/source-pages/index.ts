/** Pages with a source next to a screen: boot sectors and pcos. */
export { PcosPage } from '../pcos-page.tsx';
export { SectorPage } from '../sector-page.tsx';
