// SPDX-License-Identifier: Apache-2.0
/**
 * What a monitoring system asks: metrics in Prometheus' text format, health and readiness, over HTTP on the loopback. Measuring is done
 * by decorators around the cloud, the journal's disk and the mailboxes; none of those knows of it. No label ever holds a pod's name.
 */
@NullMarked
package io.peerpod.node.health;

import org.jspecify.annotations.NullMarked;
