package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class VisibilityTest {
  @Test
  void whatIsInProgressOrComesLaterIsNotVisible() {
    Visibility visibility = Visibility.parse("730:735:730,733");
    assertThat(visibility.shows(729)).isTrue();
    assertThat(visibility.shows(730)).isFalse();
    assertThat(visibility.shows(731)).isTrue();
    assertThat(visibility.shows(733)).isFalse();
    assertThat(visibility.shows(734)).isTrue();
    assertThat(visibility.shows(735)).isFalse();
    assertThat(visibility.shows(900)).isFalse();
  }

  @Test
  void idsAreComparedAcrossTheEndOfTheirRange() {
    // Epoch 1, five transactions after the wrap; one from before it is still open.
    Visibility visibility = Visibility.parse("4294967290:4294967301:4294967290");
    assertThat(visibility.shows(-6)).isFalse();
    assertThat(visibility.shows(-7)).isTrue();
    assertThat(visibility.shows(4)).isTrue();
    assertThat(visibility.shows(5)).isFalse();
  }

  @Test
  void nothingNeedsToBeInProgress() {
    assertThat(Visibility.parse("9:9:").shows(8)).isTrue();
    assertThat(Visibility.parse("9:9:").shows(9)).isFalse();
  }
}
