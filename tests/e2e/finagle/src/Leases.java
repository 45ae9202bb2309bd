import com.twitter.finagle.Stack;
import com.twitter.finagle.mux.lease.exp.Lessee;
import com.twitter.finagle.mux.lease.exp.Lessor;
import com.twitter.util.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import scala.Tuple2;

/** Grants leases to the sessions of one server of Mux as told, and none before. */
final class Leases implements Lessor {
  private final Set<Lessee> sessions = ConcurrentHashMap.newKeySet();

  Tuple2<Lessor.Param, Stack.Param<Lessor.Param>> param() {
    return new Tuple2<>(new Lessor.Param(this), Lessor.Param$.MODULE$);
  }

  /** Grants every session a lease of so many milliseconds. */
  void grant(int ms) {
    sessions.forEach(session -> session.issue(Duration.fromMilliseconds(ms)));
  }

  @Override
  public void register(Lessee session) {
    sessions.add(session);
  }

  @Override
  public void unregister(Lessee session) {
    sessions.remove(session);
  }

  @Override
  public void observe(Duration took) {}

  @Override
  public void observeArrival() {}
}
