// SPDX-License-Identifier: Apache-2.0

/**
 * The ttrpc wire protocol over Unix sockets, and grpc-java's stubs and services over it. {@code PROTOCOL.md} beside the sources is the
 * page that this package writes out in code.
 *
 * <p>Invariant: a connection has one reader thread and one writer thread and neither ever runs or waits for anybody else's code, so no
 * call, however slow, hostile or interrupted, can hold up or break another one.
 */
@NullMarked
package io.peerpod.ttrpc;

import org.jspecify.annotations.NullMarked;
