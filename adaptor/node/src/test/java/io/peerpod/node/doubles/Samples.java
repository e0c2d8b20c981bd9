// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.doubles;

import io.peerpod.network.IpPrefix;
import io.peerpod.network.PodNetwork;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.node.plan.SandboxRequest;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import io.peerpod.sandbox.Pod;
import io.peerpod.sandbox.Sandbox;
import io.peerpod.sandbox.SandboxFact;
import io.peerpod.sandbox.StopCause;
import io.peerpod.sandbox.Trouble;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** One of everything, with every field set. */
public final class Samples {
    private Samples() {}

    public static PodNetwork network() {
        return new PodNetwork(
                List.of(IpPrefix.parse("10.42.3.17/24"), IpPrefix.parse("fd00::17/64")),
                "3a:5c:11:9e:02:7f",
                "eth0",
                IpPrefix.parse("172.31.8.21/20"),
                "vxlan",
                List.of(
                        new PodNetwork.Route(
                                IpPrefix.parse("0.0.0.0/0"),
                                Optional.of(InetAddress.ofLiteral("10.42.3.1")),
                                Optional.of("eth0"),
                                Optional.of("boot"),
                                Optional.empty()),
                        new PodNetwork.Route(
                                IpPrefix.parse("10.42.3.0/24"),
                                Optional.empty(),
                                Optional.of("eth0"),
                                Optional.of("kernel"),
                                Optional.of("link"))),
                List.of(new PodNetwork.Neighbor(
                        InetAddress.ofLiteral("169.254.1.1"), "ee:ee:ee:ee:ee:ee", Optional.of("eth0"), "permanent")),
                1450,
                7,
                4789,
                555007,
                true,
                true);
    }

    public static Sandbox sandbox(String id) {
        Pod pod = new Pod("default", "web");
        SandboxRequest request = new SandboxRequest(
                id,
                pod,
                Path.of("/run/netns/web"),
                Optional.of("big"),
                Optional.of("image-1"),
                1.5,
                512,
                1,
                Optional.of("algorithm = \"sha256\"\n"));
        SandboxPlan plan = new SandboxPlan(
                request,
                network(),
                Path.of("/run/peerpod/pods", id, "agent.ttrpc"),
                "0123456789abcdef",
                Instant.parse("2026-11-24T01:02:03.456789Z"));
        return new Sandbox(new LaunchToken(id, "podvm-web-" + id), pod, plan);
    }

    public static PodVm vm(String id) {
        return new PodVm(
                "vm-1",
                sandbox(id).token(),
                PodVm.State.RUNNING,
                List.of(InetAddress.ofLiteral("192.0.2.1"), InetAddress.ofLiteral("2001:db8::1")),
                Optional.of(Instant.parse("2026-11-24T01:02:04Z")),
                Optional.empty());
    }

    public static CloudFailure failure() {
        return new CloudFailure.Throttled("slow down", Optional.of(java.time.Duration.ofMillis(1500)));
    }

    /** Facts of every kind, with causes of every kind; in no order that a life could have. */
    public static List<SandboxFact> facts(String id) {
        Trouble trouble = new Trouble("it did not answer", CloudFailure.Actor.OPERATOR);
        return List.of(
                new SandboxFact.Prepared(sandbox(id)),
                new SandboxFact.LaunchIntended(),
                new SandboxFact.CreateCallFailed(failure()),
                new SandboxFact.CreateCallFailed(new CloudFailure.OutOfCapacity("full", CloudFailure.Actor.CLOUD)),
                new SandboxFact.CreateCallFailed(new CloudFailure.Rejected("no", CloudFailure.Actor.USER)),
                new SandboxFact.CreateCallFailed(new CloudFailure.Unauthorised("who")),
                new SandboxFact.CreateCallFailed(new CloudFailure.Unreachable("where")),
                new SandboxFact.CreateCallFailed(new CloudFailure.OutcomeUnknown("what")),
                new SandboxFact.Launched(vm(id)),
                new SandboxFact.Connected(),
                new SandboxFact.StopIntended(new StopCause.Requested()),
                new SandboxFact.StopIntended(new StopCause.LaunchFailed(failure())),
                new SandboxFact.StopIntended(new StopCause.ConnectFailed(trouble)),
                new SandboxFact.StopIntended(new StopCause.GuestLost(trouble)),
                new SandboxFact.StopIntended(new StopCause.Orphaned(trouble)),
                new SandboxFact.Landed(Optional.of(vm(id))),
                new SandboxFact.Landed(Optional.empty()),
                new SandboxFact.VmDeleted(),
                new SandboxFact.Cleaned(),
                new SandboxFact.Ended());
    }
}
