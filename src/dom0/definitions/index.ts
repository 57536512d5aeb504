/** What src/dom0/definitions offers to other rooms. */
export type { Finding, NamedFile, Plan } from './verdicts.ts';
export { goOn, type HostFacts, judgeFiles, type ReadFiles, readFiles } from './judge-files.ts';
export {
  baseName,
  bootPaths,
  decode,
  definitionNamed,
  type Devices,
  disksNamed,
  type Firmware,
  firmwareNamed,
  type FirmwareNeeds,
  type Given,
  ideName,
  isDefinition,
  type Loaded,
  loaderNamed,
  type LoaderNeeds,
  type NamedBytes,
  type NamedImage,
  NO_FIRMWARE,
  NO_IPXE,
  planDefinition,
  planKernel,
  type Planned,
  type PlannedDrive,
  quoted,
  startsWith,
  withOptions,
} from './plan-domain.ts';
export {
  ERROR_FAIL,
  ERROR_INVAL,
  fromScript,
  type LibxlWords,
  nameTaken,
  NO_DISKS,
  NOT_BUILT,
  UUID_TAKEN,
} from './libxl-words.ts';
export { NO_VT_LOG, NO_VT_REASON, NoVtError } from './no-vt.ts';
