// SPDX-License-Identifier: Apache-2.0
package io.peerpod.contract;

import java.util.Locale;

/** The name of a pod VM in the cloud, and of its forwarder's certificate (adaptor.md 8.3). The same for the same pod, always. */
public final class InstanceName {
    /** Characters of a name on most clouds, and of the name in the certificate. */
    public static final int MAX_CHARACTERS = 63;

    /** Characters of a name on IBM Power Virtual Server. */
    public static final int MAX_CHARACTERS_POWERVS = 47;

    /** The server name when certificates come from files instead of the daemon (adaptor.md 4.2). */
    public static final String MANUAL_SERVER_NAME = "podvm-server";

    private static final String PREFIX = "podvm-";
    private static final int ID_CHARACTERS = 8;

    /** Prefix, hyphen and id: what is left of the limit is the pod's. */
    private static final int FIXED_CHARACTERS = PREFIX.length() + 1 + ID_CHARACTERS;

    private InstanceName() {}

    /**
     * {@code podvm-<pod>-<first 8 characters of the sandbox id>} in lower case, other characters than letters, digits and hyphens
     * replaced by hyphens. Hyphens at the end, which only an id that is not hexadecimal can bring, are dropped, for clouds refuse
     * them.
     *
     * @param podName not empty
     * @param sandboxId not empty
     * @param maxLength characters, at least 16
     */
    public static String of(String podName, String sandboxId, int maxLength) {
        if (podName.isEmpty() || sandboxId.isEmpty()) {
            throw new IllegalArgumentException(
                    "a pod VM's name needs a pod name and a sandbox id; one of them is empty");
        }
        if (maxLength <= FIXED_CHARACTERS) {
            throw new IllegalArgumentException("a pod VM's name needs more than " + FIXED_CHARACTERS
                    + " characters; the limit given is " + maxLength);
        }
        String pod = sanitised(podName);
        String shortPod = pod.substring(0, Math.min(pod.length(), maxLength - FIXED_CHARACTERS));
        String id = sanitised(sandboxId.substring(0, Math.min(sandboxId.length(), ID_CHARACTERS)));
        String name = PREFIX + shortPod + "-" + id;
        int end = name.length();
        while (name.charAt(end - 1) == '-') {
            end--;
        }
        return name.substring(0, end);
    }

    private static String sanitised(String text) {
        StringBuilder name = new StringBuilder(text.toLowerCase(Locale.ROOT));
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
                name.setCharAt(i, '-');
            }
        }
        return name.toString();
    }
}
