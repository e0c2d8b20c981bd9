// SPDX-License-Identifier: Apache-2.0
package io.peerpod.bench;

/** How client and echo agent are built, which decides what the floor is. */
enum Peers {
    /**
     * As shims and agents are: a (virtual) thread for each caller and for each request, one writer at a time. The reference's figures were
     * taken with peers of this kind.
     */
    USUAL,
    /** One loop on each side that answers where it reads: the least that peers can cost, and the hardest floor to compare with. */
    FAST
}
