// SPDX-License-Identifier: Apache-2.0
package io.peerpod.sandbox;

import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.PodVm;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Judges the VMs that carry this worker's ownership tags: which belong to a sandbox, which nobody answers for. It catches what intent cannot cover: a
 * create that landed after its sandbox was gone, a state folder that a reboot wiped.
 *
 * <p>Two things keep it from ever calling a pod's VM an orphan. The caller lists the cloud <em>first</em> and looks at its journals
 * <em>second</em>: a VM in the list was created after its journal was written, so the journal is seen, or the sandbox has ended since. And a VM is left alone
 * until it is older than any call that could still be about it, so that its deletion cannot overtake its create. A VM of unknown age counts as young
 * until it has been watched for as long.
 */
public final class OrphanSweep {
    private OrphanSweep() {}

    /** What is to become of a VM. */
    public enum Kind {
        /** A sandbox of this worker answers for it. */
        OURS,
        /** Its sandbox's journal cannot be read and was set aside: a human decides. */
        SET_ASIDE,
        /** Nobody answers for it, and it is too young to say that nobody will. */
        YOUNG,
        /** Nobody answers for it: it is deleted. */
        ORPHAN
    }

    /**
     * A VM and what is to become of it.
     *
     * @param age by its tags, or how long it has been watched; empty when neither is known
     * @param reason one sentence
     */
    public record Verdict(PodVm vm, Kind kind, Optional<Duration> age, String reason) {}

    /**
     * What this worker knows, looked at after the cloud was listed.
     *
     * @param journals the tokens of all sandboxes that have a journal
     * @param setAside ids of the sandboxes whose journals cannot be read
     */
    public record Known(Set<LaunchToken> journals, Set<String> setAside) {
        public Known {
            journals = Set.copyOf(journals);
            setAside = Set.copyOf(setAside);
        }
    }

    /** The least age of an orphan: the longest that a call can take, and the longest that what it asked for can take to appear. */
    public static Duration grace(Duration longestCall, Duration landingWindow) {
        return longestCall.plus(landingWindow);
    }

    /**
     * Judges what the cloud listed.
     *
     * @param known looked at after the listing
     * @param watched how long each VM has been seen in listings of this process, by a clock that only runs forward
     * @param now wall clock at the listing
     */
    public static List<Verdict> judge(
            List<PodVm> listed, Known known, Map<String, Duration> watched, Instant now, Duration grace) {
        return listed.stream()
                .map(vm -> judge(vm, known, Optional.ofNullable(watched.get(vm.id())), now, grace))
                .sorted(Comparator.comparing(verdict -> verdict.vm().token().instanceName()))
                .toList();
    }

    private static Verdict judge(PodVm vm, Known known, Optional<Duration> watched, Instant now, Duration grace) {
        Optional<Duration> age = age(vm, watched, now);
        String sandbox = "sandbox " + vm.token().sandboxId();
        if (known.journals().contains(vm.token())) {
            return new Verdict(vm, Kind.OURS, age, sandbox + " answers for it");
        }
        if (known.setAside().contains(vm.token().sandboxId())) {
            return new Verdict(
                    vm,
                    Kind.SET_ASIDE,
                    age,
                    "the journal of " + sandbox
                            + " cannot be read and was set aside; when it is removed, the VM is deleted");
        }
        if (age.isEmpty()) {
            return new Verdict(
                    vm, Kind.YOUNG, age, "no journal names it, and its age is not known, which counts as young");
        }
        if (age.get().compareTo(grace) < 0) {
            return new Verdict(
                    vm,
                    Kind.YOUNG,
                    age,
                    "no journal names it, and a call about it may be under way until it is " + words(grace) + " old");
        }
        return new Verdict(
                vm,
                Kind.ORPHAN,
                age,
                "no journal names it, and it is older than the " + words(grace) + " that a call about it could take");
    }

    /** A clock that was set back makes a VM younger than it was seen to be; one that was set forward cannot make up for the journals. */
    private static Optional<Duration> age(PodVm vm, Optional<Duration> watched, Instant now) {
        Optional<Duration> tagged = vm.createdAt().map(at -> Duration.between(at, now));
        if (tagged.isPresent() && watched.isPresent()) {
            return tagged.get().compareTo(watched.get()) < 0 ? watched : tagged;
        }
        return tagged.or(() -> watched);
    }

    private static String words(Duration duration) {
        return duration.toSeconds() < 120 ? duration.toSeconds() + " s" : duration.toMinutes() + " min";
    }
}
