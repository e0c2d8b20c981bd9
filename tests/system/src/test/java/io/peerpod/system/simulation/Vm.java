// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system.simulation;

import io.peerpod.provider.PodVm;

/** A VM of the simulated cloud, past ones included. */
final class Vm {
    final PodVm shown;
    /** Wall clock of the call that made it. */
    final long tagMillis;

    final long appeared;
    /** Whether nobody need answer for it: what intent cannot cover, and the sweep must. */
    boolean excused;

    /** Whether its deletion was accepted. */
    boolean leaving;

    long goneAt = Long.MAX_VALUE;

    Vm(PodVm shown, long tagMillis, long appeared, boolean excused) {
        this.shown = shown;
        this.tagMillis = tagMillis;
        this.appeared = appeared;
        this.excused = excused;
    }

    boolean isThere(long when) {
        return appeared <= when && when < goneAt;
    }
}
