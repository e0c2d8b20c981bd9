// SPDX-License-Identifier: Apache-2.0
package io.peerpod.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.network.TunnelLab.Families;
import io.peerpod.network.TunnelLab.Pod;
import io.peerpod.network.netlink.Link;
import io.peerpod.network.netlink.LinkChange;
import io.peerpod.network.netlink.RouteNetlink;
import io.peerpod.network.netlink.Vxlan;
import io.peerpod.network.netlink.VxlanRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TunnelIT {
    private static final int MIN_ID = 555_000;

    @TempDir
    private Path folder;

    @BeforeEach
    void needRights() {
        Privileges.assumeNetworkAdministrator();
    }

    private static TunnelPlan plan(TunnelLab lab, VniAllocator vnis, Pod pod) throws IOException {
        PodNetwork network = lab.hostNetwork.inspect(pod.netns(), lab.options());
        int vni = vnis.reserve(pod.netns(), network);
        boolean overIpv6 = !network.workerAddress().isIpv4();
        return new TunnelPlan(pod.netns(), network.withVxlanId(vni, MIN_ID), List.of(lab.vmAddress(overIpv6)));
    }

    private static void setUpBoth(TunnelLab lab, TunnelPlan plan, Pod pod) throws IOException, InterruptedException {
        lab.hostNetwork.setUp(plan);
        lab.guestNetwork.setUp(plan.network(), pod.guestNetns(), Optional.empty());
    }

    private static VniAllocator allocator(TunnelLab lab) {
        return new VniAllocator(lab.worker, MIN_ID, List.of());
    }

    @ParameterizedTest
    @CsvSource({
        "IPV4, IPV4, 1500, 1500, 1450",
        "IPV6, IPV4, 1500, 1500, 1450",
        "BOTH, IPV4, 1500, 1450, 1450",
        "BOTH, IPV6, 1500, 1500, 1430",
        "IPV4, IPV6, 1460, 1500, 1390",
        "IPV4, BOTH, 1460, 1500, 1410",
        "BOTH, BOTH, 9000, 1500, 1500",
        "BOTH, IPV4, 9000, 8900, 8900"
    })
    void fullSizePacketsPassUncutBothWays(
            Families families, Families underlay, int underlayMtu, int podMtu, int expected) throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, underlay, underlayMtu)) {
            Pod pod = lab.pod(1, families, podMtu);
            String before = TunnelLab.picture(pod.netns());
            String workerBefore = TunnelLab.picture(lab.worker);
            TunnelPlan plan = plan(lab, allocator(lab), pod);
            assertThat(plan.network().mtu()).isEqualTo(expected);
            setUpBoth(lab, plan, pod);
            if (families.ipv4) {
                lab.exchange(pod, false, expected);
                lab.exchange(pod, false, 100);
            }
            if (families.ipv6) {
                lab.exchange(pod, true, expected);
            }
            assertThat(lab.fragments()).isZero();
            assertThat(TunnelLab.picture(lab.worker)).isEqualTo(workerBefore);

            lab.guestNetwork.tearDown(plan.network(), pod.guestNetns());
            lab.guestNetwork.tearDown(plan.network(), pod.guestNetns());
            lab.hostNetwork.tearDown(plan);
            lab.hostNetwork.tearDown(plan);
            assertThat(TunnelLab.picture(pod.netns())).isEqualTo(before);
            assertThat(TunnelLab.picture(lab.worker)).isEqualTo(workerBefore);
        }
    }

    @Test
    void theGuestHonoursItsOwnNarrowerPath() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            TunnelPlan plan = plan(lab, allocator(lab), pod);
            lab.onVm.changeLink(
                    lab.onVm.link("en0").orElseThrow(), LinkChange.nothing().andMtu(1400));
            setUpBoth(lab, plan, pod);
            try (NetworkNamespace guest = NetworkNamespace.open(pod.guestNetns());
                    RouteNetlink inside = guest.routeNetlink()) {
                assertThat(inside.link("eth0").orElseThrow().mtu()).isEqualTo(1350);
            }
            lab.exchange(pod, false, 1350);
            assertThat(lab.fragments()).isZero();
        }
    }

    private static final class Killed extends Error {
        private static final long serialVersionUID = 1L;
    }

    @Test
    void aFailureAfterAnyStepOfTheWorkersHalfIsRolledBackAndARepetitionConverges() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.BOTH, 1500)) {
            Pod pod = lab.pod(1, Families.BOTH, 1500);
            VniAllocator vnis = allocator(lab);
            List<String> steps = hostSteps(lab, vnis, pod);
            assertThat(steps).hasSizeGreaterThan(7);
            for (boolean kill : new boolean[] {false, true}) {
                for (String step : steps) {
                    String untouched = TunnelLab.picture(pod.netns());
                    TunnelPlan plan = plan(lab, vnis, pod);
                    String reserved = TunnelLab.picture(pod.netns());
                    assertThatThrownBy(() -> lab.hostNetwork.setUp(plan, failing(step, kill)))
                            .as(step)
                            .satisfiesAnyOf(
                                    e -> assertThat(e).hasMessage("failure at " + step),
                                    e -> assertThat(e).hasCauseInstanceOf(Killed.class),
                                    e -> assertThat(e).isInstanceOf(Killed.class));
                    if (!kill) {
                        assertThat(TunnelLab.picture(pod.netns()).replaceAll("vxlan mtu \\d+", "vxlan"))
                                .as("after a failure at " + step)
                                .isEqualTo(reserved.replaceAll("vxlan mtu \\d+", "vxlan"));
                    }
                    setUpBoth(lab, plan, pod);
                    lab.exchange(pod, false, 1450);
                    lab.exchange(pod, true, 1450);
                    lab.hostNetwork.tearDown(plan);
                    lab.guestNetwork.tearDown(plan.network(), pod.guestNetns());
                    vnis.release(plan.network().vxlanId());
                    assertThat(TunnelLab.picture(pod.netns()))
                            .as("after " + step)
                            .isEqualTo(untouched);
                }
            }
        }
    }

    @Test
    void aTearDownAfterAKillAtAnyStepLeavesNothing() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            VniAllocator vnis = allocator(lab);
            for (String step : hostSteps(lab, vnis, pod)) {
                String untouched = TunnelLab.picture(pod.netns());
                TunnelPlan plan = plan(lab, vnis, pod);
                assertThatThrownBy(() -> lab.hostNetwork.setUp(plan, failing(step, true)));
                lab.hostNetwork.tearDown(plan);
                assertThat(TunnelLab.picture(pod.netns())).as(step).isEqualTo(untouched);
            }
        }
    }

    private static List<String> hostSteps(TunnelLab lab, VniAllocator vnis, Pod pod) throws IOException {
        List<String> steps = new ArrayList<>();
        TunnelPlan plan = plan(lab, vnis, pod);
        lab.hostNetwork.setUp(plan, steps::add);
        lab.hostNetwork.tearDown(plan);
        return steps;
    }

    private static HostTunnel.Progress failing(String at, boolean kill) {
        return step -> {
            if (step.equals(at)) {
                if (kill) {
                    throw new Killed();
                }
                throw new IOException("failure at " + step);
            }
        };
    }

    @Test
    void aForwarderKilledAtAnyStepStartsAgain() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.BOTH, 1500)) {
            Pod pod = lab.pod(1, Families.BOTH, 1500);
            TunnelPlan plan = plan(lab, allocator(lab), pod);
            lab.hostNetwork.setUp(plan);
            List<String> steps = new ArrayList<>();
            lab.guestNetwork.setUp(plan.network(), pod.guestNetns(), Optional.empty(), steps::add);
            assertThat(steps).hasSizeGreaterThan(6);
            for (boolean kill : new boolean[] {true, false}) {
                for (String step : steps) {
                    lab.guestNetwork.tearDown(plan.network(), pod.guestNetns());
                    assertThatThrownBy(() -> lab.guestNetwork.setUp(
                            plan.network(), pod.guestNetns(), Optional.empty(), failing(step, kill)));
                    if (!kill) {
                        assertThat(TunnelLab.picture(pod.guestNetns())).as(step).doesNotContain("eth0");
                    }
                    lab.guestNetwork.setUp(plan.network(), pod.guestNetns(), Optional.empty());
                    lab.guestNetwork.setUp(plan.network(), pod.guestNetns(), Optional.empty());
                    lab.exchange(pod, false, 1450);
                    lab.exchange(pod, true, 1450);
                }
            }
        }
    }

    @Test
    void fortyPodsAreSetUpAtOnceAndEachHasItsOwnVni() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            VniAllocator vnis = allocator(lab);
            VniAllocator ofAnotherDaemon = allocator(lab);
            List<Pod> pods = new ArrayList<>();
            for (int number = 0; number < 40; number++) {
                pods.add(lab.pod(number, Families.IPV4, 1500));
            }
            Set<Integer> seen = ConcurrentHashMap.newKeySet();
            List<Callable<TunnelPlan>> work = new ArrayList<>();
            for (Pod pod : pods) {
                work.add(() -> {
                    TunnelPlan plan = plan(lab, pod.number() % 2 == 0 ? vnis : ofAnotherDaemon, pod);
                    seen.add(plan.network().vxlanId());
                    setUpBoth(lab, plan, pod);
                    return plan;
                });
            }
            List<TunnelPlan> plans = new ArrayList<>();
            for (Future<TunnelPlan> future : threads.invokeAll(work)) {
                plans.add(future.get());
            }
            assertThat(seen).hasSize(40).allMatch(vni -> vni >= MIN_ID && vni < MIN_ID + 60);
            for (Pod pod : pods) {
                lab.exchange(pod, false, 1450);
            }
            List<Callable<Boolean>> stops = new ArrayList<>();
            for (TunnelPlan plan : plans) {
                stops.add(() -> {
                    lab.hostNetwork.tearDown(plan);
                    return true;
                });
            }
            for (Future<Boolean> future : threads.invokeAll(stops)) {
                assertThat(future.get()).isTrue();
            }
            for (Pod pod : pods) {
                assertThat(TunnelLab.picture(pod.netns())).doesNotContain("vxlan");
            }
        }
    }

    @Test
    void vnisOfOthersAreSkippedAndTheirLinksStay() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            foreign(lab.onWorker, "ppvxlan1", MIN_ID, Optional.empty());
            try (NetworkNamespace inPod = NetworkNamespace.open(pod.netns());
                    RouteNetlink inside = inPod.routeNetlink()) {
                foreign(lab.onWorker, "vxlan1", MIN_ID + 1, Optional.of(inPod.descriptor()));
                // A device that the pod itself made has a VNI space of its own.
                foreign(inside, "inner", MIN_ID + 3, Optional.empty());
            }
            VniAllocator vnis = new VniAllocator(lab.worker, MIN_ID, List.of(MIN_ID + 2));
            String before = TunnelLab.picture(pod.netns());
            TunnelPlan plan = plan(lab, vnis, pod);
            assertThat(plan.network().vxlanId()).isEqualTo(MIN_ID + 3);
            assertThat(plan.network().index()).isEqualTo(3);
            setUpBoth(lab, plan, pod);
            lab.exchange(pod, false, 1450);
            assertThat(TunnelLab.picture(pod.netns())).contains("ppvx1 vxlan", "vxlan1 vxlan", "inner vxlan");
            lab.hostNetwork.tearDown(plan);
            assertThat(TunnelLab.picture(pod.netns())).isEqualTo(before);
            assertThat(lab.onWorker.link("ppvxlan1")).isPresent();
        }
    }

    private static void foreign(RouteNetlink where, String name, int vni, Optional<Integer> namespace)
            throws IOException {
        Vxlan vxlan = new Vxlan(vni, TunnelLab.PORT, Optional.empty());
        where.createVxlan(new VxlanRequest(name, vxlan, false, 1500, Optional.empty(), namespace));
    }

    @Test
    void aTunnelOfBeforeARestartKeepsItsVni() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod first = lab.pod(1, Families.IPV4, 1500);
            Pod second = lab.pod(2, Families.IPV4, 1500);
            TunnelPlan old = plan(lab, allocator(lab), first);
            setUpBoth(lab, old, first);
            TunnelPlan young = plan(lab, allocator(lab), second);
            assertThat(young.network().vxlanId()).isNotEqualTo(old.network().vxlanId());
            setUpBoth(lab, young, second);
            lab.exchange(first, false, 1450);
            lab.exchange(second, false, 1450);
        }
    }

    @Test
    void aReservationThatNoJournalKnowsGoesWithTheTunnel() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            String before = TunnelLab.picture(pod.netns());
            plan(lab, allocator(lab), pod);
            TunnelPlan plan = plan(lab, allocator(lab), pod);
            assertThat(plan.network().vxlanId()).isEqualTo(MIN_ID + 1);
            setUpBoth(lab, plan, pod);
            lab.exchange(pod, false, 1450);
            lab.hostNetwork.tearDown(plan);
            assertThat(TunnelLab.picture(pod.netns())).isEqualTo(before);
        }
    }

    @Test
    void aVniInUseElsewhereIsAnErrorThatNamesIt() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            foreign(lab.onWorker, "other", 600_000, Optional.empty());
            PodNetwork network =
                    lab.hostNetwork.inspect(pod.netns(), lab.options()).withVxlanId(600_000, MIN_ID);
            assertThatThrownBy(() ->
                            lab.hostNetwork.setUp(new TunnelPlan(pod.netns(), network, List.of(lab.vmAddress(false)))))
                    .hasMessageContaining("VNI 600000")
                    .hasMessageContaining("another tunnel");
            assertThat(lab.onWorker.link("other")).isPresent();
        }
    }

    @Test
    void aTunnelWhosePodNamespaceIsGoneIsTornDownAlready() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            TunnelPlan plan = plan(lab, allocator(lab), pod);
            setUpBoth(lab, plan, pod);
            NetworkNamespace.remove(pod.netns());
            lab.hostNetwork.tearDown(plan);
            java.nio.file.Files.createFile(pod.netns());
            lab.hostNetwork.tearDown(plan);
            assertThatThrownBy(() -> lab.hostNetwork.setUp(plan)).hasMessageContaining("no network namespace");
            NetworkNamespace.remove(pod.guestNetns());
            lab.guestNetwork.tearDown(plan.network(), pod.guestNetns());
            // The kernel takes namespaces apart in the background; then the VNI is free again.
            awaitFree(lab, plan.network().vxlanId());
        }
    }

    private static void awaitFree(TunnelLab lab, int vni) throws Exception {
        for (int attempt = 0; ; attempt++) {
            try {
                foreign(lab.onWorker, "probe", vni, Optional.empty());
                return;
            } catch (IOException e) {
                if (attempt == 100) {
                    throw e;
                }
                Thread.sleep(100);
            }
        }
    }

    @Test
    void filtersAndDisciplinesOfOthersStay() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            try (NetworkNamespace inPod = NetworkNamespace.open(pod.netns());
                    RouteNetlink inside = inPod.routeNetlink()) {
                Link eth0 = inside.link("eth0").orElseThrow();
                inside.addIngress(eth0);
                String before = TunnelLab.picture(inPod);
                TunnelPlan plan = plan(lab, allocator(lab), pod);
                setUpBoth(lab, plan, pod);
                inside.addRedirect(eth0, eth0, HostTunnel.FILTER_PRIORITY + 1);
                lab.exchange(pod, false, 1450);
                lab.hostNetwork.tearDown(plan);
                assertThat(TunnelLab.picture(inPod)).isEqualTo(before);
                assertThat(inside.ingressFilters(eth0))
                        .isNotEmpty()
                        .allMatch(filter -> filter.priority() == HostTunnel.FILTER_PRIORITY + 1);
            }
        }
    }

    @Test
    void aVmWithoutAnAddressOfTheTunnelsFamilyIsRefused() throws Exception {
        try (TunnelLab lab = new TunnelLab(folder, Families.IPV4, 1500)) {
            Pod pod = lab.pod(1, Families.IPV4, 1500);
            TunnelPlan plan = plan(lab, allocator(lab), pod);
            assertThatThrownBy(() -> lab.hostNetwork.setUp(
                            new TunnelPlan(pod.netns(), plan.network(), List.of(lab.vmAddress(true)))))
                    .hasMessageContaining("has no IPv4 address");
        }
    }
}
