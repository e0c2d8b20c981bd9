// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import io.peerpod.network.PodNetwork;
import java.util.List;
import java.util.Optional;

/**
 * The forwarder's configuration, {@code apf.json} (adaptor.md 3.1, docs/contract.md).
 *
 * @param network the pod's network; absent in a broken file only, which the reference crashes on
 * @param podNamespace for messages; may be empty
 * @param podName for messages; may be empty
 * @param tlsServerKey PKCS#8 PEM, secret
 * @param tlsServerCert PEM
 * @param tlsClientCa PEM; absent when certificates come from files
 * @param tlsMinVersion {@code VersionTLS12} or {@code VersionTLS13}
 * @param tlsCipherSuites IANA names
 */
public record ForwarderConfig(
        Optional<PodNetwork> network,
        String podNamespace,
        String podName,
        Optional<String> tlsServerKey,
        Optional<String> tlsServerCert,
        Optional<String> tlsClientCa,
        Optional<String> tlsMinVersion,
        List<String> tlsCipherSuites) {

    /** Bytes of {@code apf.json} that are looked at; a usual one has about 3000. */
    public static final int MAX_BYTES = 1 << 20;

    public ForwarderConfig {
        tlsCipherSuites = List.copyOf(tlsCipherSuites);
    }

    /**
     * Reads {@code apf.json} as the reference does: keys in any case, unknown keys and what follows the first value ignored.
     *
     * @throws ContractException naming the path, what is expected and what was seen
     */
    public static ForwarderConfig parse(byte[] json) throws ContractException {
        return ApfReader.read(json);
    }

    /**
     * Writes {@code apf.json} so that the reference accepts it; ASCII, without a newline at the end.
     *
     * @throws IllegalStateException if there is no network
     * @throws IllegalArgumentException if a route's scope or a neighbour's state is none that the format knows
     */
    public String write() {
        return ApfWriter.write(this);
    }

    /** Without the key. */
    @Override
    public String toString() {
        return "ForwarderConfig[" + podNamespace + "/" + podName + ", network=" + network + ", tlsServerKey="
                + (tlsServerKey.isPresent() ? "***" : "none") + ", tlsMinVersion=" + tlsMinVersion.orElse("default")
                + "]";
    }
}
