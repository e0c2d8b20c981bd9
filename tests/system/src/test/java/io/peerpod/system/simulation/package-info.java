// SPDX-License-Identifier: Apache-2.0
/**
 * The life-cycle under everything that can go wrong, over virtual time: a seed gives a schedule of shim calls, lies of the cloud, clock steps, full disks, kills
 * at every boundary between a fact and an effect, power cuts and reboots that wipe the state folder. What decides is the real thing ({@code decide},
 * {@code evolve}, {@code resume}, the orphan sweep's judgement, the journal with its file format); what acts is a model of one thread. After
 * every event the invariants are checked; in the end nothing may be left anywhere.
 */
@NullMarked
package io.peerpod.system.simulation;

import org.jspecify.annotations.NullMarked;
