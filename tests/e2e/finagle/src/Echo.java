import org.apache.thrift.TApplicationException;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TCompactProtocol;
import org.apache.thrift.protocol.TField;
import org.apache.thrift.protocol.TMessage;
import org.apache.thrift.protocol.TMessageType;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.protocol.TProtocolFactory;
import org.apache.thrift.protocol.TProtocolUtil;
import org.apache.thrift.protocol.TStruct;
import org.apache.thrift.protocol.TType;
import org.apache.thrift.transport.TMemoryBuffer;
import org.apache.thrift.transport.TMemoryInputTransport;

/** Messages of methods such as `string echo(1: string text)`, whatever their name. */
final class Echo {
  private Echo() {}

  static TProtocolFactory format(boolean isCompact) {
    return isCompact ? new TCompactProtocol.Factory() : new TBinaryProtocol.Factory(false, true);
  }

  static byte[] call(String method, String text, boolean isOneway, TProtocolFactory format) {
    byte type = isOneway ? TMessageType.ONEWAY : TMessageType.CALL;
    return message(new TMessage(method, type, 0), 1, text, format);
  }

  /** Returns the reply to a call: its first string argument; nothing for a one-way call. */
  static byte[] reply(byte[] call, TProtocolFactory format) {
    TProtocol input = format.getProtocol(new TMemoryInputTransport(call));
    try {
      TMessage begin = input.readMessageBegin();
      if (begin.type == TMessageType.ONEWAY) {
        return new byte[0];
      }
      return message(new TMessage(begin.name, TMessageType.REPLY, begin.seqid), 0, string(input), format);
    } catch (TException error) {
      throw new IllegalStateException(error);
    }
  }

  /** Returns the text in a reply, or what its exception says; nothing for the empty reply of a one-way call. */
  static String text(byte[] reply, TProtocolFactory format) {
    if (reply.length == 0) {
      return null;
    }
    TProtocol input = format.getProtocol(new TMemoryInputTransport(reply));
    try {
      if (input.readMessageBegin().type == TMessageType.EXCEPTION) {
        var error = new TApplicationException();
        error.read(input);
        return error.getType() + " " + error.getMessage();
      }
      return string(input);
    } catch (TException error) {
      throw new IllegalStateException(error);
    }
  }

  private static byte[] message(TMessage begin, int field, String text, TProtocolFactory format) {
    var written = new TMemoryBuffer(64);
    TProtocol output = format.getProtocol(written);
    try {
      output.writeMessageBegin(begin);
      output.writeStructBegin(new TStruct());
      output.writeFieldBegin(new TField("", TType.STRING, (short) field));
      output.writeString(text);
      output.writeFieldEnd();
      output.writeFieldStop();
      output.writeStructEnd();
      output.writeMessageEnd();
    } catch (TException error) {
      throw new IllegalStateException(error);
    }
    return java.util.Arrays.copyOf(written.getArray(), written.length());
  }

  private static String string(TProtocol input) throws TException {
    String found = null;
    input.readStructBegin();
    for (TField field = input.readFieldBegin(); field.type != TType.STOP; field = input.readFieldBegin()) {
      if (field.type == TType.STRING && found == null) {
        found = input.readString();
      } else {
        TProtocolUtil.skip(input, field.type);
      }
      input.readFieldEnd();
    }
    return found;
  }
}
