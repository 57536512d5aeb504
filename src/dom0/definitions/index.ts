/** What src/dom0/definitions offers to other rooms. */
export type { Finding, NamedFile, Plan } from './verdicts.ts';
export { goOn, type HostFacts, judgeFiles, type ReadFiles, readFiles } from './judge-files.ts';
export {
  baseName,
  fileNamed,
  decode,
  type Devices,
  type Firmware,
  type FirmwareNeeds,
  type Given,
  ideName,
  type NamedBytes,
  type NamedImage,
  NO_FIRMWARE,
  NO_IPXE,
  type Planned,
  type PlannedDrive,
  startsWith,
} from './planned.ts';
export { bootPaths } from './firmware-boot.ts';
export {
  definitionNamed,
  disksNamed,
  firmwareNamed,
  isDefinition,
  type Loaded,
  loaderNamed,
  type LoaderNeeds,
} from './named-in-files.ts';
export { planDefinition, withOptions } from './plan-definition.ts';
export { planKernel } from './plan-plain.ts';
export { plans } from './prepare-plans.ts';
export { foreignOf, mayBeForeign } from './may-be-foreign.ts';
export {
  cannotAddCards,
  ERROR_FAIL,
  ERROR_INVAL,
  fromScript,
  type LibxlWords,
  nameTaken,
  NO_DISKS,
  NOT_BUILT,
  UUID_TAKEN,
} from './libxl-words.ts';
export {
  judgePlaces,
  missingPlace,
  placesAsked,
  noPlace,
  OWN_PLACES,
  type Place,
  type Places,
} from './places-of-cards.ts';
export { needsXen } from './needs-xen.ts';
export { NO_VT_LOG, NO_VT_REASON, NoVtError } from './no-vt.ts';
