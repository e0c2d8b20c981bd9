// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

/**
 * What the effects need to know of a sandbox beyond its names: the pod's network, the size asked for, the guest's data. It is
 * written with {@link SandboxFact.Prepared} and handed through; the core never looks inside.
 */
public interface Plan {}
