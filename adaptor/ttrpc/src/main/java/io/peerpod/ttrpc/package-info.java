// SPDX-License-Identifier: Apache-2.0
/** The ttrpc wire protocol (PROTOCOL.md): frames, streams, server, client. */
@NullMarked
package io.peerpod.ttrpc;

import org.jspecify.annotations.NullMarked;
