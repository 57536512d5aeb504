/** Names of CPUID's flags that xl knows and no level here has (libxl_cpuid_parse_config() of Xen 4.17): text that only a definition with `cpuid` needs. */

export const ABSENT_FLAGS: readonly string[] = (
  'pclmulqdq dtes64 dscpl vmx smx est tm2 cntxid fma xtpr pdcm pcid dca x2apic movbe tsc-deadline aes xsave osxsave avx f16c rdrand psn ds acpi ss htt tm ia64 pbe ' +
  'arat tsc_adjust bmi1 hle avx2 bmi2 erms invpcid rtm cmt mpx avx512f avx512dq rdseed adx avx512-ifma clflushopt clwb proc-trace avx512pf avx512er avx512cd sha ' +
  'avx512bw avx512vl prefetchwt1 avx512-vbmi pku ospke avx512-vbmi2 cet-ss gfni vaes vpclmulqdq avx512-vnni avx512-bitalg avx512-vpopcntdq cldemote pks ' +
  'avx512-4vnniw avx512-4fmaps fsrm avx512-vp2intersect srbds-ctrl md-clear serialize tsxldtrk cet-ibt avx512-fp16 ibrsb stibp l1d-flush arch-caps core-caps ssbd ' +
  'avx-vnni avx512-bf16 fzrm fsrs fsrcs wrmsrns cet-sss intel-psfd mcdt-no cmplegacy svm extapic altmovcr8 abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit ' +
  'wdt lwp fma4 nodeid tbm topoext perfctr_core perfctr_nb mmxext ffxsr 3dnowext 3dnow clzero rstr-fp-err-ptrs wbnoinvd ibpb ibrs amd-stibp ibrs-always ' +
  'stibp-always ibrs-fast ibrs-same-mode no-lmsl ppin amd-ssbd virt-ssbd ssb-no psfd btc-no ibpb-ret svm_npt svm_lbrv svm_nrips svm_tscrate svm_vmcbclean ' +
  'svm_decode svm_pausefilt lfence+ nscb'
).split(' ');
