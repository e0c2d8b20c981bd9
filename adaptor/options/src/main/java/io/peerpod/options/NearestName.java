// SPDX-License-Identifier: Apache-2.0
package io.peerpod.options;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Finds the name a user probably meant. */
final class NearestName {
    private NearestName() {}

    /** The closest of the names, if it is close enough to be worth a hint. */
    static Optional<String> of(String name, Collection<String> known) {
        String wanted = normal(name);
        String best = null;
        int bestDistance = Integer.MAX_VALUE;
        for (String candidate : known) {
            int distance = distance(wanted, normal(candidate));
            if (distance < bestDistance) {
                best = candidate;
                bestDistance = distance;
            }
        }
        int tolerated = Math.max(1, Math.min(4, wanted.length() / 3));
        return bestDistance <= tolerated ? Optional.ofNullable(best) : Optional.empty();
    }

    /** Environment spelling counts as the flag's: {@code FORWARDER_PORT} is {@code forwarder-port}. */
    private static String normal(String name) {
        String lower = name.toLowerCase(Locale.ROOT).replace('_', '-');
        return lower.length() > 64 ? lower.substring(0, 64) : lower;
    }

    /** Insertions, deletions, replacements and swaps of neighbours. */
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int replace = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                d[i][j] = Math.min(replace, Math.min(d[i - 1][j], d[i][j - 1]) + 1);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
