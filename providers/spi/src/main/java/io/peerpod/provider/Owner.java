// SPDX-License-Identifier: Apache-2.0
package io.peerpod.provider;

/**
 * Who a pod VM belongs to, as written into its tags.
 *
 * @param cluster the cluster's name; two clusters in one account must differ in it
 * @param node the worker node's name
 */
public record Owner(String cluster, String node) {}
