// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.QueueDiscipline;
import io.peerpod.network.netlink.RouteNetlink;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the pod's interface was before the tunnel changed it. Kept as the alias of the tunnel's device: there it outlives every
 * process of ours and goes exactly when the tunnel goes. The alias also says whose device that is.
 *
 * @param mtu bytes
 * @param ingress whether it had an ingress discipline
 */
record TunnelFacts(int mtu, boolean ingress) {
    private static final Pattern ALIAS = Pattern.compile("peerpods mtu=(\\d{1,6}) ingress=(true|false)");

    static TunnelFacts of(RouteNetlink netlink, Link podInterface) throws IOException {
        boolean ingress = netlink.disciplines(podInterface).stream().anyMatch(QueueDiscipline::isIngress);
        return new TunnelFacts(podInterface.mtu(), ingress);
    }

    static Optional<TunnelFacts> read(Link tunnel) {
        return tunnel.alias()
                .map(ALIAS::matcher)
                .filter(Matcher::matches)
                .map(matcher ->
                        new TunnelFacts(Integer.parseInt(matcher.group(1)), Boolean.parseBoolean(matcher.group(2))));
    }

    String alias() {
        return "peerpods mtu=" + mtu + " ingress=" + ingress;
    }
}
