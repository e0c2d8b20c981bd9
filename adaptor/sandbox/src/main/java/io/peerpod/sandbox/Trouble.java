// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.CloudFailure.Actor;

/**
 * Why something other than a call to the cloud did not work.
 *
 * @param message one sentence or more: the object, what was expected, what was seen, and the next step; no secret
 * @param actor whose turn it is
 */
public record Trouble(String message, Actor actor) {}
