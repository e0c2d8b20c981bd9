// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.util.Set;

/** Paths in a pod VM that several programs agree on (adaptor.md 3.3). Texts, because the node names them without having them. */
public final class GuestPaths {
    /** Folder of everything that provisioning writes. */
    public static final String RUN = "/run/peerpod";

    /** The cloud-config document, where a file delivers it. */
    public static final String USER_DATA = "/media/cidata/user-data";

    /** The forwarder's configuration, {@link ForwarderConfig}. */
    public static final String APF_JSON = RUN + "/apf.json";

    /** Registry credentials for image pulls in the guest. */
    public static final String AUTH_JSON = RUN + "/auth.json";

    /** {@link Initdata} in its transport form. */
    public static final String INITDATA = RUN + "/initdata";

    /** Digest of the initdata document, lower-case hexadecimal without a newline. */
    public static final String INITDATA_DIGEST = RUN + "/initdata.digest";

    /** Configuration of the attestation agent; its presence starts that agent. */
    public static final String AA_TOML = RUN + "/aa.toml";

    /** Configuration of the confidential data hub. */
    public static final String CDH_TOML = RUN + "/cdh.toml";

    /** The agent's policy. */
    public static final String POLICY_REGO = RUN + "/policy.rego";

    /** Its presence asks for encrypted scratch space. */
    public static final String SCRATCH_SPACE_MARKER = RUN + "/scratch-space.marker";

    /** The agent's socket. */
    public static final String AGENT_SOCKET = "/run/kata-containers/agent.sock";

    /** The confidential data hub's socket. */
    public static final String CDH_SOCKET = "/run/confidential-containers/cdh.sock";

    /** The pod's network namespace. */
    public static final String POD_NETNS = "/run/netns/podns";

    /** The files that user data may write; others are skipped. */
    public static final Set<String> USER_DATA_FILES =
            Set.of(AA_TOML, CDH_TOML, APF_JSON, AUTH_JSON, INITDATA, SCRATCH_SPACE_MARKER);

    /** The keys of initdata that become files in {@link #RUN}; others are skipped. */
    public static final Set<String> INITDATA_FILES = Set.of("aa.toml", "cdh.toml", "policy.rego");

    private GuestPaths() {}
}
