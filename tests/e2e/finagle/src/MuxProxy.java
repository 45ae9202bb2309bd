import com.twitter.finagle.ListeningServer;
import com.twitter.finagle.Mux;
import com.twitter.util.Await;

/** A proxy of Mux made of Finagle's own server and client, to measure others against: its arguments are two addresses. */
public final class MuxProxy {
  private MuxProxy() {}

  public static void main(String[] addresses) throws Exception {
    ListeningServer server = Mux.server().serve(addresses[0], Mux.client().newService(addresses[1], "upstream"));
    Await.ready(server);
  }
}
